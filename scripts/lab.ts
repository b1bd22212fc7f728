import { labCommands } from "./lab/commands.ts";
import { makeLabFolder } from "./lab/folder.ts";
import { startNetwork, VERSIONS } from "./lab/network.ts";

/**
 * `npm run lab`: a cluster, mirrors and proxies on loopback, a tree that stands for a host, and the commands to try with
 * them. Runs until it is interrupted, and leaves nothing behind. `test/scripts/lab.test.ts` runs every command.
 */
async function main(): Promise<void> {
  using folder = await makeLabFolder(VERSIONS.first);
  await using network = await startNetwork(folder);
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve());
  });
  console.log(
    `cluster: ${network.cluster}, which wants ${VERSIONS.first} until \`./advertise VERSION\` says otherwise`,
  );
  console.log(`mirrors: ${network.mirrors.description}`);
  console.log(`proxies: ${network.proxies.description}`);
  console.log("\nIn another terminal, one after the other:\n");
  console.log(`$ cd ${folder.path}`);
  for (const { about, command, exitCode, shows } of labCommands(network)) {
    console.log(`\n# ${about}\n$ ${command}\n= exit code ${exitCode}: ${shows}`);
  }
  console.log("\nCtrl-C ends all of it.");
  await interrupted;
}

await main();
