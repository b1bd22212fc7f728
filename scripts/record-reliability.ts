import { parseArgs, stripVTControlCharacters } from "node:util";
import { canBoot } from "../test/support/booted-host.ts";
import { testingExecutablePath } from "../test/support/executable.ts";
import { describeCircumstances } from "./record-reliability/machine.ts";
import { formatRecord, type RecordedRun, replaceRecord } from "./record-reliability/record.ts";

/**
 * `npm run faults:record`: runs every fault test in full over the present tree, and writes what they print into
 * `docs/reliability.md`, each part as soon as it is done. A part that fails is recorded as failed. `--only PART` leaves the
 * other parts as they are.
 */
const PAGE = "docs/reliability.md";

interface Part {
  /** Its arguments for the pinned Bun, and the words by which a reader gets the same. */
  argv: readonly string[];
  command: string;
  environment?: Record<string, string>;
  /** Why it cannot run here. */
  obstacle?: () => string | undefined;
  /** Lines that are not kept. */
  drops?: RegExp;
}

/** Names of tests stand for all whose path they begin. */
const BOOTED = ["random-kills", "strikes", "killed-parent"].map((name) => `test/booted/${name}`);
const BOOTED_TESTS = ["test", "--timeout=300000", "--path-ignore-patterns=", ...BOOTED];
const BOOTED_KILLS = { TELEPORT_UPDATE_TEST_KILLS: "120" };

const PARTS: Record<string, Part> = {
  matrix: { argv: ["scripts/faults.ts"], command: "npm run faults" },
  random: {
    argv: ["scripts/random-kills.ts", "--count", "3000"],
    command: "npm run faults:random -- --count 3000",
    drops: /^\d+ kills so far$/,
  },
  trace: { argv: ["scripts/faults-trace.ts"], command: "npm run faults:trace" },
  booted: {
    argv: BOOTED_TESTS,
    command: `TELEPORT_UPDATE_TEST_KILLS=${BOOTED_KILLS.TELEPORT_UPDATE_TEST_KILLS} bun ${BOOTED_TESTS.join(" ")}`,
    environment: BOOTED_KILLS,
    obstacle: canBoot,
  },
};

const { values: options } = parseArgs({ options: { only: { type: "string" } } });
process.chdir(`${import.meta.dir}/..`);
process.exitCode = await main();

async function main(): Promise<number> {
  const { only } = options;
  const chosen = Object.entries(PARTS).filter(([name]) => only === undefined || name === only);
  if (chosen.length === 0) {
    console.error(`unknown part \`${only}\`: choose one of ${Object.keys(PARTS).join(", ")}`);
    return 1;
  }
  const circumstances = describeCircumstances(PAGE);
  // Else the first part that needs it would build it, and be recorded as slower than it is.
  await testingExecutablePath();
  let hasFailed = false;
  for (const [name, part] of chosen) {
    const obstacle = part.obstacle?.();
    if (obstacle !== undefined) {
      console.log(`not recorded: ${name}, as ${obstacle}`);
      hasFailed ||= only !== undefined;
      continue;
    }
    const run = await runPart(part, circumstances);
    await Bun.write(PAGE, replaceRecord(await Bun.file(PAGE).text(), name, formatRecord(run)));
    console.log(`${PAGE}: ${name} recorded`);
    hasFailed ||= run.exitCode !== 0;
  }
  return hasFailed ? 1 : 0;
}

async function runPart(part: Part, circumstances: string): Promise<RecordedRun> {
  console.log(`$ ${part.command}`);
  const started = performance.now();
  const child = Bun.spawn([process.execPath, ...part.argv], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...part.environment },
  });
  let output = "";
  const pass = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      process.stdout.write(chunk);
      output += decoder.decode(chunk, { stream: true });
    }
  };
  await Promise.all([pass(child.stdout), pass(child.stderr)]);
  const exitCode = await child.exited;
  const lines = stripVTControlCharacters(output).trimEnd().split("\n");
  return {
    command: part.command,
    circumstances,
    exitCode,
    seconds: (performance.now() - started) / 1000,
    lines: lines.filter((line) => line.trim() !== "" && !part.drops?.test(line)),
  };
}
