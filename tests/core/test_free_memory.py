"""Free memory is read from files of the system; here from files made for the test."""

from fivefold.core.free_memory import free_main_memory, groups, of_group, of_system


def test_the_system_says_what_is_free():
    free = free_main_memory()
    assert free is None or 1 << 20 < free < 1 << 50


def test_what_the_system_calls_available(tmp_path):
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 10 kB\nMemAvailable:    7 kB\n")
    assert of_system(info) == 7 * 1024
    info.write_text("MemTotal: 10 kB\n")
    assert of_system(info) is None
    assert of_system(tmp_path / "none") is None


def test_a_group_of_the_second_version(tmp_path):
    assert of_group(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 250\nactive_file 50\n")
    assert of_group(tmp_path) == 400
    (tmp_path / "memory.max").write_text("max\n")
    assert of_group(tmp_path) is None


def test_a_group_of_the_first_version(tmp_path):
    (tmp_path / "memory.limit_in_bytes").write_text("1000\n")
    (tmp_path / "memory.usage_in_bytes").write_text("900\n")
    (tmp_path / "memory.stat").write_text("active_file 7\ntotal_inactive_file 250\ntotal_active_file 50\n")
    assert of_group(tmp_path) == 400
    (tmp_path / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert of_group(tmp_path) is None


def test_the_groups_above_bound_too(tmp_path):
    listing = tmp_path / "cgroup"
    listing.write_text("0::/a.slice/b\n")
    assert groups(listing, tmp_path) == [tmp_path, tmp_path / "a.slice", tmp_path / "a.slice" / "b"]
    listing.write_text("5:cpu:/x\n4:memory,hugetlb:/y/z\n")
    memory = tmp_path / "memory"
    assert groups(listing, tmp_path) == [tmp_path, memory, memory / "y", memory / "y" / "z"]
    assert groups(tmp_path / "none", tmp_path) == [tmp_path]
