import { Glob } from "bun";

/** `npm run docs`: writes every generated page of `docs/` anew; each script in `scripts/docs/` writes one. */
for (const script of [...new Glob("scripts/docs/*.ts").scanSync(".")].sort()) {
  const { exitCode } = Bun.spawnSync([process.execPath, script], { stdio: ["ignore", "inherit", "inherit"] });
  if (exitCode !== 0) process.exit(exitCode);
}
