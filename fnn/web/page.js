// The page: what is drawn or opened goes to a worker as one message, and its answer comes as one.
const $ = (id) => document.getElementById(id);
const pad = $("pad"), pen = pad.getContext("2d", { willReadFrequently: true });
const worker = new Worker("worker.js", { type: "module" });
let network, strokes = [], photo = null, asking = false, again = false;

worker.onmessage = ({ data: { loading, network: told, answer, failed } }) => {
  if (loading) $("loading").value = loading;
  if (told || failed) $("loading").hidden = true;
  if (told) begin(told);
  if (answer || failed) asking = false;
  if (again) return ask();
  if (failed || (answer && (strokes.length || photo))) show(answer ?? { refused: failed });
};
worker.onerror = () => say("The page cannot load all of its files: reload it.", true);

function begin(told) {
  network = told;
  document.body.classList.toggle("draw", network.digits);
  document.title = $("title").textContent = network.digits ? "Draw a digit" : "What is in the picture?";
  $("about").textContent = `${network.digits ? "Or open, drop or paste a photo of one." : "Open, drop or paste a picture."} ${network.about}`;
  $("bars").innerHTML = "<li><span></span><i><i></i></i><output></output></li>".repeat(Math.min(10, network.names.length));
  paint();
}

function say(text, trouble = false, best = "") {
  $("said").replaceChildren(...(best ? [Object.assign(document.createElement("b"), { textContent: best })] : []), text);
  $("said").className = trouble ? "trouble" : best.length > 3 ? "long" : "";
}

function show({ refused, probabilities: p = [], seen }) {
  const percent = (share) => share > 0.9995 ? ">99.9%" : `${(100 * share).toFixed(1)}%`;
  const order = [...(network?.names ?? []).keys()], best = p.indexOf(Math.max(...p));
  if (order.length > 10) order.sort((a, b) => p[b] - p[a]); // a long list begins with the likeliest
  [...$("bars").children].forEach((row, place) => {
    const i = order[place], [name, bar, share] = row.children;
    [name.textContent, share.textContent] = [network.names[i], p.length ? percent(p[i]) : ""];
    bar.firstChild.style.width = `${100 * (p[i] ?? 0)}%`;
    row.className = i === best ? "best" : "";
  });
  $("seen").parentNode.hidden = !seen;
  if (seen) $("seen").src = seen;
  if (p.length && !refused) say(`with probability ${percent(p[best])}`, false, network.names[best]);
  else say(refused ?? (network.digits ? "Draw here, in one stroke or more." : "No picture yet."), !!refused);
}

function paint() {
  Object.assign(pen, { fillStyle: "white", strokeStyle: "#111", lineWidth: 34, lineCap: "round", lineJoin: "round" });
  pen.fillRect(0, 0, pad.width, pad.height); // the paper: what is not painted would be black
  const scale = pad.width / Math.max(photo?.width, photo?.height);
  const [width, height] = [scale * photo?.width, scale * photo?.height];
  if (photo) pen.drawImage(photo, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
  for (const points of strokes) {
    pen.beginPath();
    for (const point of [points[0], ...points]) pen.lineTo(...point);
    pen.stroke();
  }
  $("undo").disabled = !strokes.length;
  $("clear").disabled = !strokes.length && !photo;
  if (network) ask();
}

function ask() { // one question at a time: the next is about what is there by then
  again = asking && (strokes.length || photo);
  if (!strokes.length && !photo) return show({});
  if (asking) return;
  asking = true;
  const { width, height } = photo ?? pad;
  const pixels = (photo?.getContext("2d") ?? pen).getImageData(0, 0, width, height).data;
  worker.postMessage({ height, width, pixels }, [pixels.buffer]);
}

async function open(file) {
  const picture = file && await createImageBitmap(file).catch(() => say(`This browser cannot read ${file.name} as a picture: choose PNG, JPEG or WebP.`, true));
  if (!picture) return;
  const scale = Math.min(1, 1000 / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.ceil(scale * side));
  [strokes, photo] = [[], Object.assign(document.createElement("canvas"), { width, height })];
  const shrunk = Object.assign(photo.getContext("2d"), { imageSmoothingQuality: "high" });
  shrunk.drawImage(picture, 0, 0, width, height);
  paint();
}

const clear = () => { [strokes, photo] = [[], null]; paint(); }, undo = () => { strokes.pop(); paint(); };
const at = (event) => [event.offsetX, event.offsetY].map((place) => place * pad.width / pad.clientWidth);
pad.onpointerdown = (event) => {
  if (!network?.digits || event.button) return;
  pad.setPointerCapture(event.pointerId);
  [strokes, photo] = [[...strokes, [at(event)]], null];
  paint();
};
pad.onpointermove = (event) => {
  if (!pad.hasPointerCapture(event.pointerId)) return;
  strokes.at(-1).push(...[...(event.getCoalescedEvents?.() ?? []), event].map(at));
  paint();
};
[$("clear").onclick, $("undo").onclick, $("open").onclick] = [clear, undo, () => $("file").click()];
$("file").onchange = () => open($("file").files[0]).then(() => { $("file").value = ""; });
document.onpaste = (event) => open(event.clipboardData.files[0]);
document.addEventListener("keydown", ({ key, ctrlKey, metaKey }) =>
  key === "Escape" ? clear() : key === "z" && (ctrlKey || metaKey) && undo());
const over = (is) => (event) => { event.preventDefault(); document.body.classList.toggle("over", is); };
[document.ondragover, document.ondragleave] = [over(true), over(false)];
document.ondrop = (event) => { over(false)(event); open(event.dataTransfer.files[0]); };
