// Runs in a block of its own after onnxruntime-web's module, which leaves its exports in fivefoldRuntime.
{
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const [channels, height, width] = settings.shape;
  const by = (id) => document.getElementById(id);
  const MOST_PIXELS = 50000000;
  const TOO_LARGE = "The picture has more than 50 million pixels.";

  // --- what the page carries: base64 of gzip ---
  async function carried(id) {
    const text = atob(by(id).textContent.trim());
    const packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    by(id).textContent = "";
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // --- a picture as in training: Pillow's reduce, then its bilinear resize, number for number ---
  function upTo(divisor) {
    // Pillow computes this multiplier in float32
    return Math.floor(Math.fround(4294967296 / Math.fround(256 * divisor)));
  }

  function reduced(image, fx, fy, box) {
    const [x0, y0, x1, y1] = box;
    const w = Math.ceil((x1 - x0) / fx), h = Math.ceil((y1 - y0) / fy);
    const out = new Uint8Array(w * h * 3);
    for (let y = 0; y < h; y++) {
      const top = y0 + y * fy, bottom = Math.min(top + fy, y1);
      for (let x = 0; x < w; x++) {
        const left = x0 + x * fx, right = Math.min(left + fx, x1);
        const count = (bottom - top) * (right - left), multiplier = upTo(count);
        for (let c = 0; c < 3; c++) {
          let sum = count >> 1;
          for (let v = top; v < bottom; v++) {
            for (let u = left; u < right; u++) sum += image.data[(v * image.width + u) * 3 + c];
          }
          out[(y * w + x) * 3 + c] = Math.floor((sum * multiplier) / 16777216);
        }
      }
    }
    return { width: w, height: h, data: out };
  }

  function coefficients(size, from, to, wanted) {
    const scale = Math.fround(to - from) / wanted, wide = Math.max(scale, 1);
    const found = [];
    for (let i = 0; i < wanted; i++) {
      const centre = from + (i + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - wide + 0.5));
      const last = Math.min(size, Math.trunc(centre + wide + 0.5));
      const weights = [];
      let sum = 0;
      for (let j = first; j < last; j++) {
        const weight = Math.max(0, 1 - Math.abs((j - centre + 0.5) * (1 / wide)));
        weights.push(weight);
        sum += weight;
      }
      found.push({ first, weights: weights.map((k) => Math.trunc(0.5 + (sum ? k / sum : k) * 4194304)) });
    }
    return found;
  }

  function along(image, table, across) {
    // across: of each row; else of each column
    const w = across ? table.length : image.width, h = across ? image.height : table.length;
    const out = new Uint8Array(w * h * 3), step = across ? 3 : image.width * 3;
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const { first, weights } = table[across ? x : y];
        const start = across ? (y * image.width + first) * 3 : (first * image.width + x) * 3;
        for (let c = 0; c < 3; c++) {
          let sum = 2097152;
          for (let j = 0; j < weights.length; j++) sum += image.data[start + j * step + c] * weights[j];
          out[(y * w + x) * 3 + c] = Math.min(255, Math.max(0, sum >> 22));
        }
      }
    }
    return { width: w, height: h, data: out };
  }

  function fitted(image) {
    if (image.width === width && image.height === height) return image;
    const scale = Math.min(image.width / width, image.height / height);
    const cutWidth = scale * width, cutHeight = scale * height;
    const left = (image.width - cutWidth) / 2, top = (image.height - cutHeight) / 2;
    let box = [
      Math.max(0, left), Math.max(0, top),
      Math.min(image.width, left + cutWidth), Math.min(image.height, top + cutHeight),
    ];
    const gap = settings.reducing_gap;
    const fx = Math.trunc((box[2] - box[0]) / width / gap) || 1;
    const fy = Math.trunc((box[3] - box[1]) / height / gap) || 1;
    if (fx > 1 || fy > 1) {
      const sx = 0.5 * ((box[2] - box[0]) / width), sy = 0.5 * ((box[3] - box[1]) / height);
      const safe = [
        Math.max(0, Math.trunc(box[0] - sx)), Math.max(0, Math.trunc(box[1] - sy)),
        Math.min(image.width, Math.ceil(box[2] + sx)), Math.min(image.height, Math.ceil(box[3] + sy)),
      ];
      image = reduced(image, fx, fy, safe);
      box = [(box[0] - safe[0]) / fx, (box[1] - safe[1]) / fy, (box[2] - safe[0]) / fx, (box[3] - safe[1]) / fy];
    }
    box = box.map(Math.fround);
    if (image.width !== width || box[0] !== 0 || box[2] !== width) {
      image = along(image, coefficients(image.width, box[0], box[2], width), true);
    }
    if (image.height !== height || box[1] !== 0 || box[3] !== height) {
      image = along(image, coefficients(image.height, box[1], box[3], height), false);
    }
    return image;
  }

  function planes(image) {
    const size = width * height, out = new Uint8Array(channels * size);
    for (let i = 0; i < size; i++) {
      const r = image.data[3 * i], g = image.data[3 * i + 1], b = image.data[3 * i + 2];
      if (channels === 1) out[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >>> 16;
      else { out[i] = r; out[size + i] = g; out[2 * size + i] = b; }
    }
    return out;
  }

  function fingerprint(bytes) {
    let hash = 2166136261;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
    return hash.toString(16).padStart(8, "0");
  }

  // --- a PNG of 16 bits as training reads it: a browser rounds it to 8 bits in a way of its own ---
  async function inflated(parts, size) {
    const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    const raw = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const { done, value } = await reader.read();
      if (done) throw new Error("It is truncated.");
      const part = value.subarray(0, size - filled);
      raw.set(part, filled);
      filled += part.length;
    }
    reader.cancel().catch(() => {});
    return raw;
  }

  function unfilter(raw, row, step) {
    // in place; each row begins with the number of its filter
    for (let start = 0; start < raw.length; start += row + 1) {
      const filter = raw[start];
      if (filter > 4) throw new Error("It is damaged.");
      for (let i = start + 1; filter && i <= start + row; i++) {
        const inside = i - start > step, above = start > 0;
        const a = inside ? raw[i - step] : 0, b = above ? raw[i - row - 1] : 0;
        if (filter < 4) {
          raw[i] += filter === 1 ? a : filter === 2 ? b : (a + b) >> 1;
        } else {
          const c = inside && above ? raw[i - row - 1 - step] : 0;
          const pa = Math.abs(b - c), pb = Math.abs(a - c), pc = Math.abs(a + b - 2 * c);
          raw[i] += pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
        }
      }
    }
  }

  function even(x) {
    const low = Math.floor(x);
    return x - low === 0.5 ? low + (low & 1) : Math.round(x);
  }

  async function deep(blob) {
    // null where it is no PNG of 16 bits
    const head = new DataView(await blob.slice(0, 33).arrayBuffer());
    if (head.byteLength < 33 || head.getUint32(0) !== 0x89504e47 || head.getUint8(24) !== 16) return null;
    const bytes = new Uint8Array(await blob.arrayBuffer()), view = new DataView(bytes.buffer);
    const w = view.getUint32(16), h = view.getUint32(20), kind = bytes[25], parts = [];
    if (w * h > MOST_PIXELS) throw new Error(TOO_LARGE);
    let plain = bytes[28] === 0;
    for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
      const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
      if (name === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
      if (name === "eXIf" || (name === "tRNS" && kind !== 0)) plain = false;
    }
    const each = { 0: 1, 2: 3, 4: 2, 6: 4 }[kind];
    if (!plain || !each) {
      throw new Error("It is a PNG of 16 bits that is interlaced, has EXIF or a transparent colour: save it without, or with 8 bits.");
    }
    const step = 2 * each, row = w * step, raw = await inflated(parts, h * (row + 1));
    unfilter(raw, row, step);
    const data = new Uint8Array(w * h * 3);
    let low = 65535, high = 0;
    for (let y = 0, j = 0; y < h; y++) {
      for (let i = y * (row + 1) + 1; i < (y + 1) * (row + 1); i += step, j += 3) {
        // of grey the values, to be stretched below; of colours the upper 8 bits
        const grey = raw[i] * 256 + raw[i + 1];
        low = Math.min(low, grey);
        high = Math.max(high, grey);
        const alpha = each % 2 ? 255 : raw[i + step - 2];
        for (let c = 0; c < 3; c++) {
          const t = 255 * (255 - alpha) + raw[i + (each > 2 ? 2 * c : 0)] * alpha + 128;
          data[j + c] = ((t >> 8) + t) >> 8;
        }
      }
    }
    const factor = high > low ? Math.fround(255 / (high - low)) : 0;
    for (let y = 0, j = 0; kind === 0 && y < h; y++) {
      for (let i = y * (row + 1) + 1; i < (y + 1) * (row + 1); i += 2, j += 3) {
        data.fill(even(Math.fround((raw[i] * 256 + raw[i + 1] - low) * factor)), j, j + 3);
      }
    }
    const canvas = document.createElement("canvas");
    canvas.width = w;
    canvas.height = h;
    const pen = canvas.getContext("2d"), shown = pen.createImageData(w, h);
    for (let i = 0, j = 0; j < data.length; i += 4, j += 3) {
      shown.data.set(data.subarray(j, j + 3), i);
      shown.data[i + 3] = 255;
    }
    pen.putImageData(shown, 0, 0);
    return { canvas, image: { width: w, height: h, data } };
  }

  async function pixels(blob) {
    const found = await deep(blob);
    if (found) return found;
    const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none" });
    if (bitmap.width * bitmap.height > MOST_PIXELS) throw new Error(TOO_LARGE);
    const canvas = document.createElement("canvas");
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0);
    const rgba = pen.getImageData(0, 0, canvas.width, canvas.height).data;
    const data = new Uint8Array(canvas.width * canvas.height * 3);
    for (let i = 0, j = 0; i < rgba.length; i += 4) {
      data[j++] = rgba[i]; data[j++] = rgba[i + 1]; data[j++] = rgba[i + 2];
    }
    bitmap.close();
    return { canvas, image: { width: canvas.width, height: canvas.height, data } };
  }

  // --- the model ---
  async function opened() {
    const env = fivefoldRuntime.env;
    env.wasm.numThreads = 1;
    env.wasm.proxy = false;
    env.wasm.wasmBinary = (await carried("runtime")).buffer;
    env.logLevel = "error";
    return fivefoldRuntime.InferenceSession.create(await carried("model"), { executionProviders: ["wasm"] });
  }

  async function probabilities(session, bytes) {
    const x = new fivefoldRuntime.Tensor("uint8", bytes, [1, channels, height, width]);
    const start = performance.now();
    const found = await session.run({ pictures: x });
    return { p: Array.from(found.probabilities.data), ms: performance.now() - start };
  }

  // --- what is shown ---
  const percent = (p) => (p > 0 && p < 0.0005 ? "<0.1%" : (100 * p).toFixed(1) + "%");

  function say(text, failed) {
    by("verdict").textContent = text;
    by("verdict").classList.toggle("failed", Boolean(failed));
  }

  function show(name, source, bytes, found) {
    const order = found.p.map((_, i) => i).sort((a, b) => found.p[b] - found.p[a]);
    say(settings.classes[order[0]] + ", " + percent(found.p[order[0]]));
    by("about").textContent =
      name + ": " + source.width + " × " + source.height + " pixels, answered in " + found.ms.toFixed(0) + " ms";
    const bars = by("bars");
    bars.replaceChildren();
    for (const i of order.slice(0, settings.shown)) {
      const row = document.createElement("li"), label = document.createElement("span");
      const track = document.createElement("span"), bar = document.createElement("span");
      const value = document.createElement("span");
      label.className = "class"; label.textContent = settings.classes[i];
      track.className = "track"; bar.className = "bar"; bar.style.width = 100 * found.p[i] + "%";
      value.className = "value"; value.textContent = percent(found.p[i]);
      track.append(bar);
      row.append(label, track, value);
      bars.append(row);
    }
    const rest = order.slice(settings.shown).reduce((sum, i) => sum + found.p[i], 0);
    by("rest").textContent =
      order.length > settings.shown ? order.length - settings.shown + " other classes: " + percent(rest) : "";
    const seen = by("seen"), pen = seen.getContext("2d"), size = width * height;
    seen.width = width; seen.height = height;
    const data = pen.createImageData(width, height);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) data.data[4 * i + c] = bytes[(channels === 1 ? 0 : c * size) + i];
      data.data[4 * i + 3] = 255;
    }
    pen.putImageData(data, 0, 0);
    by("given").replaceChildren(source);
    source.setAttribute("role", "img");
    source.setAttribute("aria-label", "The picture as it was given");
    document.body.classList.add("answered");
  }

  const ready = opened();

  async function look(name, blob) {
    const session = await ready;
    const { canvas, image } = await pixels(blob);
    const bytes = planes(fitted(image));
    const found = await probabilities(session, bytes);
    return { name, canvas, bytes, found };
  }

  async function answer(name, blob) {
    say("Looking at the picture …");
    try {
      const seen = await look(name, blob);
      show(seen.name, seen.canvas, seen.bytes, seen.found);
    } catch (error) {
      say("This picture cannot be read: " + String(error.message || error).slice(0, 200), true);
    }
  }

  function blobOf(button) {
    const [head, body] = button.querySelector("img").src.split(",");
    const text = atob(body), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new Blob([bytes], { type: head.slice(5).split(";")[0] });
  }

  by("file").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (file) answer(file.name, file);
    event.target.value = "";
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      by("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) {
        answer(event.dataTransfer.files[0].name, event.dataTransfer.files[0]);
      }
    });
  }
  addEventListener("paste", (event) => {
    const file = event.clipboardData && event.clipboardData.files[0];
    if (file) answer(file.name || "from the clipboard", file);
  });

  (async () => {
    const examples = Array.from(document.querySelectorAll("button.example"));
    for (const button of examples) {
      button.addEventListener("click", () => answer(button.dataset.name, blobOf(button)));
    }
    try {
      await ready;
      say("Ready. Choose a picture, drop one, or paste one.");
      by("file").disabled = false;
      for (const [index, button] of examples.entries()) {
        const seen = await look(button.dataset.name, blobOf(button));
        button.dataset.probabilities = seen.found.p.join(" ");
        button.dataset.pixels = fingerprint(seen.bytes);
        button.disabled = false;
        if (index === 0) show(seen.name, seen.canvas, seen.bytes, seen.found);
      }
    } catch (error) {
      say("The model does not run in this browser: " + String(error.message || error).slice(0, 300), true);
    }
    document.body.dataset.done = "yes";
  })();
}
