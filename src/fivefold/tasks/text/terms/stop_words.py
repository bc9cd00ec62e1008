"""English words that bound a term: pronouns, prepositions, auxiliaries, verbs and adverbs of any text."""

_WORDS = """
a an the this that these those such same other another each every either neither both all any some no none
many much more most few fewer less least several own one ones i me my mine we us our ours you your yours
he him his she her hers it its itself they them their theirs themselves who whom whose which what whatever
whichever where wherever when whenever why how however there here then than thus hence therefore

about above across after against along among around as at before behind below beneath beside besides
between beyond by despite down during except for from in inside into like near of off on onto out outside
over per since through throughout till to toward towards under until up upon via with within without

and or nor but so yet if unless whether because although though while whereas not only also too very quite
rather just even still already always never often sometimes usually generally typically normally again
once first second last next previous following instead otherwise else perhaps maybe well now soon

am is are was were be been being do does did done doing have has had having can cannot could may might
must shall should will would ought need needs needed let lets get gets got getting give gives given giving
make makes made making take takes taken taking see seen sees use uses used using say says said want wants
wanted know known knows seem seems become becomes became call calls called come comes go goes going went
put puts set sets show shows shown contain contains contained include includes included including provide
provides provided require requires required allow allows allowed mean means happen happens note please
refer refers describe describes described specify specifies specified return returns returned consider
considered cause causes caused occur occurs try tries tried keep keeps kept apply applies applied depend
depends look looks want wish add adds added work works worked run runs running ran write writes written
read reads start starts started appear appears support supports supported perform performs performed
create creates created change changes changed exist exists ensure ensures avoid prevent prevents execute
executes executed

able available possible likely necessary useful sure certain different various particular similar new old
good better best bad large larger small smaller long longer short high higher low lower full whole entire
single multiple two three four five six seven eight nine ten zero etc e.g i.e eg ie vs example examples
case cases way ways thing things number kind sort lot bit part parts section chapter page chapters
sections don't doesn't isn't aren't can't won't didn't
"""

STOP_WORDS = frozenset(_WORDS.split())
"""The list, in lower case."""
