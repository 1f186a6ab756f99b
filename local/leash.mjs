// Runs a command that must not outlive whoever started it: `node leash.mjs COMMAND [ARGUMENT...]`.
//
// The starter makes this process the leader of a process group and holds its standard input open. When the input closes,
// because the starter wants that or has died (even by SIGKILL), every process of the group is ended: wrangler starts
// children of its own, and a signal to wrangler alone would leave some of them running.
import { spawn } from "node:child_process";

const GRACE_MILLISECONDS = 4000;
const [command, ...commandArguments] = process.argv.slice(2);

let ending = false;
const child = spawn(command, commandArguments, { stdio: ["ignore", "inherit", "inherit"] });
child.on("error", (error) => {
  console.error(`${command} cannot be started: ${error.message}`);
  process.exit(1);
});
// Whatever the child left behind goes too, this process included.
child.on("exit", (code) => {
  if (code && !ending) console.error(`${command} ended with code ${code}`);
  process.kill(0, "SIGKILL");
});

function end() {
  if (ending) return;
  ending = true;
  setTimeout(() => process.kill(0, "SIGKILL"), GRACE_MILLISECONDS);
  process.kill(0, "SIGTERM");
}
process.on("SIGTERM", end);
process.on("SIGINT", end);
process.stdin.on("end", end);
process.stdin.on("error", end);
process.stdin.resume();
// The starter's pipes may be gone already; losing a line is no reason to stop ending the rest.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});
