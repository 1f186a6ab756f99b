// The module of every Worker: hands the runtime's events to Wasm, and begins a fresh instance of Wasm after a panic.
import * as wasm from "./index.js";

let isBroken = false;
/** A panic, an endless recursion and exhausted memory end as an error. Wasm throws no other: whatever was under way is lost. */
function noteFault(error) {
  console.error("Wasm ended", error);
  isBroken = true;
}
// What is thrown after the call of an event.
addEventListener("error", ({ error }) => noteFault(error));

const handler = (name) => (argument, env) => {
  if (isBroken) {
    wasm.__wbg_reset_state();
    isBroken = false;
  }
  try { return wasm[name](argument, env); } catch (error) {
    noteFault(error);
    throw error;
  }
};
const names = ["fetch", "queue", "scheduled"].filter((name) => name in wasm);
export default Object.fromEntries(names.map((name) => [name, handler(name)]));
