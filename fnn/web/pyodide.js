// A worker in which fnn itself answers: {height, width, pixels} in, {loading}, {network}, {answer} or {failed} out.
const { base, packages, names, model, least, files, total } = await (await fetch("site.json")).json();
const direct = self.fetch, elsewhere = base.startsWith("http");
let loaded = 0;

self.fetch = async (url, options) => { // every file is counted, and compared with its hash if it has one
  const { integrity } = files[String(url.url ?? url).split("/").at(-1)] ?? {};
  const response = await direct(url, { ...options, ...(integrity && { integrity }) }).catch(() => ({}));
  if (!response.ok) throw new Error(`${url} cannot be loaded, or is not what it should be`);
  const count = (chunk, stream) => { postMessage({ loading: (loaded += chunk.length) / total }); stream.enqueue(chunk); };
  return new Response(response.body.pipeThrough(new TransformStream({ transform: count })), response);
};
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
const code = async (name) => URL.createObjectURL(new Blob([await bytes(base + name)], { type: "text/javascript" }));

async function load() {
  const [library, params] = [bytes("fnn.zip"), bytes("params.npz")], indexURL = new URL(base, location).href;
  const { loadPyodide } = await import(elsewhere ? await code("pyodide.mjs") : `${indexURL}pyodide.mjs`);
  const glue = elsewhere && { packageBaseUrl: packages, createPyodideModule: (await import(await code("pyodide.asm.mjs"))).default };
  const python = await loadPyodide({ indexURL, packages: names, env: { FNN_THREADS: "1" }, ...glue });
  python.unpackArchive(await library, "zip", { extractDir: "/fnn" });
  python.FS.writeFile("/params.npz", await params);
  python.runPython("import sys; sys.path.insert(0, '/fnn')");
  const reply = python.pyimport("fnn.serve.answer").loaded("/params.npz", model ?? undefined, least);
  postMessage({ network: await (await fetch("network.json")).json() });
  return ({ height, width, pixels }) => JSON.parse(reply(height, width, python.toPy(pixels)));
}

const ready = load(), failed = (error) => postMessage({ failed: `Python in the browser failed: ${error.message ?? error}` });
ready.catch(failed);
onmessage = ({ data }) => ready.then((answer) => postMessage({ answer: answer(data) })).catch(failed);
