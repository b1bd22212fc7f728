import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { httpOrigin } from "../../src/mirror/origins.ts";
import { openHttp } from "../../src/platform/fetch-http.ts";
import { makeAuthority, type ServerCertificate } from "../support/certificates.ts";
import { freePort, nginxObstacle, runNginx } from "../support/nginx.ts";
import { startProxyAndCdn } from "../support/proxy-and-cdn.ts";
import { archiveBytes, build, mirrorWorld, nameOf, putArchive, temporaryFolder } from "./building.ts";

const NAME = nameOf("18.1.0");
const TOKEN = { headers: { Authorization: "Bearer change-me" } };

let certificate: ServerCertificate;
let world: ReturnType<typeof mirrorWorld>;
let mirror: ReturnType<typeof temporaryFolder>;
beforeAll(async () => {
  certificate = await (await makeAuthority()).issue();
  world = mirrorWorld({
    http: openHttp({
      trust: () => ({ pem: certificate.ca, files: ["the test's own authority"] }),
      insecure: false,
      proxies: { httpsProxy: "", httpProxy: "", noProxy: "" },
    }),
  });
  mirror = temporaryFolder();
  putArchive(mirror.path, NAME, archiveBytes(1));
  writeFileSync(join(mirror.path, `.${NAME}.partial`), "half");
});
afterAll(() => mirror[Symbol.dispose]());

/** What a build from this base URL brings; every failure as its message. */
async function buildFrom(url: string, shown = {}): Promise<string[]> {
  using tree = temporaryFolder();
  const origins = [httpOrigin(world, url, shown)];
  const { fetched, failed } = await build(world, tree.path, { versions: ["18.1.0"], origins });
  return [...fetched, ...failed.map(({ error }) => error.message)];
}

// The recipes of the page, as they stand there.
describe("nginx", () => {
  const [server = "", token = ""] = [...readFileSync("docs/mirrors.md", "utf8").matchAll(/```nginx\n(.*?)```/gs)].map(
    ([, block = ""]) => block,
  );

  async function startRecipe(block: string) {
    const obstacle = nginxObstacle();
    if (obstacle !== undefined) throw new Error(obstacle);
    const folder = mkdtempSync(join(tmpdir(), "nginx-"));
    const port = await freePort();
    writeFileSync(join(folder, "mirror.pem"), certificate.cert);
    writeFileSync(join(folder, "mirror.key"), certificate.key, { mode: 0o600 });
    const here = block
      .replace("listen 443", `listen 127.0.0.1:${port}`)
      .replaceAll("/etc/nginx/", `${folder}/`)
      .replace("/srv/mirror/", `${mirror.path}/`);
    const nginx = await runNginx(folder, `  access_log off;\n${here}`);
    return { url: `https://127.0.0.1:${port}/teleport`, [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose]() };
  }

  test("serves a mirror under a path, with or without a slash behind it", async () => {
    await using recipe = await startRecipe(server);
    expect(await buildFrom(recipe.url)).toEqual([NAME]);
    expect(await buildFrom(`${recipe.url}/`)).toEqual([NAME]);
  });

  test("sends parts and strong tags, and nothing that is on its way", async () => {
    await using recipe = await startRecipe(server);
    const part = await world.http.get(`${recipe.url}/${NAME}`, { headers: { Range: "bytes=1000-" } });
    await part.discard();
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 1000-299999/300000"]);
    expect(part.headers.get("etag")).toMatch(/^"/);
    const hidden = await world.http.get(`${recipe.url}/.${NAME}.partial`);
    await hidden.discard();
    expect(hidden.status).toBe(404);
  });

  test("asks for a token", async () => {
    await using recipe = await startRecipe(server.replace("gzip off;", `gzip off;\n${token}`));
    expect(await buildFrom(recipe.url, TOKEN)).toEqual([NAME]);
    expect(await buildFrom(recipe.url)).toEqual([expect.stringContaining("HTTP 401")]);
  });
});

test("a repository that redirects to its store, which never sees the token", async () => {
  await using store = await startProxyAndCdn({ certificates: certificate, releases: mirror.path });
  await using repository = await startProxyAndCdn({ certificates: certificate });
  for (const name of [NAME, `${NAME}.sha256`]) {
    repository.respond(`/artifactory/teleport/${name}`, (request) =>
      request.headers.get("authorization") === TOKEN.headers.Authorization
        ? Response.redirect(`${store.baseUrl}/${name}?signature=1`, 302)
        : new Response(null, { status: 401 }),
    );
  }
  expect(await buildFrom(`${repository.baseUrl}/artifactory/teleport/`, TOKEN)).toEqual([NAME]);
  expect(store.requests.map(({ path }) => path)).toEqual([`/${NAME}.sha256`, `/${NAME}`]);
  expect(store.requests.filter(({ headers }) => "authorization" in headers)).toEqual([]);
});

test("a repository that answers a checksum without the name of the file", async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, "teleport"));
  const sha256 = putArchive(join(folder.path, "teleport"), NAME, archiveBytes(1));
  writeFileSync(join(folder.path, "teleport", `${NAME}.sha256`), sha256);
  await using repository = await startProxyAndCdn({ certificates: certificate, releases: folder.path });
  expect(await buildFrom(`${repository.baseUrl}/teleport`)).toEqual([NAME]);
});
