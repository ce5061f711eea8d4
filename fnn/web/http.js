// A worker that asks fnn-serve: {height, width, pixels} in, {network}, {answer} or {failed} out.
const gone = "fnn-serve does not answer: is it still running?";

async function json(...request) {
  const response = await fetch(...request).catch(() => { throw gone; });
  if (!response.ok) throw (await response.text()).trim();
  return response.json();
}

json("network.json").then((network) => postMessage({ network }), (failed) => postMessage({ failed }));
onmessage = ({ data: { height, width, pixels } }) =>
  json(`answer?height=${height}&width=${width}`, { method: "POST", body: pixels })
    .then((answer) => postMessage({ answer }), (failed) => postMessage({ failed }));
