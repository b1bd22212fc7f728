import { describe, expect, test } from "bun:test";
import { explainStatus } from "../../src/platform/http-status.ts";

describe("[threat status-means] a status that is no content", () => {
  test.each([
    [206, "a part only", "in the server's place"],
    [302, "a redirect that leads nowhere", "in the server's place"],
    [401, "it asks for credentials", "--bearer-token-file"],
    [403, "it is forbidden", "allow this host"],
    [404, "there is no such place", "check the address"],
    [407, "a proxy in between asks for credentials", "`HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`"],
    [418, "the request was refused", "check the address"],
    [429, "too many requests", "run the command again"],
    [503, "the server is overloaded, or down for maintenance", "run the command again later"],
    [599, "the server failed", "check the address"],
    [511, "wants somebody to sign in", "portal"],
    [0, "something else than the content", "check the address"],
  ])("%d", (status, means, remedy) => {
    const { reason, hint } = explainStatus({ status, headers: new Headers() });
    expect(reason).toStartWith(`HTTP ${status}: `);
    expect(reason).toContain(means);
    expect(hint).toContain(remedy);
  });
});

describe("[threat status-means] Retry-After", () => {
  const explain = (value: string) => explainStatus({ status: 429, headers: new Headers({ "retry-after": value }) });

  test.each([
    ["120", "after 120 s"],
    ["9999999999", "after 2147483648 s"],
    ["9".repeat(400), "after 2147483648 s"],
    ["Wed, 21 Oct 2026 07:28:00 GMT", "after 2026-10-21T07:28:00.000Z"],
  ])("%p is told", (value, words) => {
    expect(explain(value).reason).toBe(`HTTP 429: too many requests, try again ${words}`);
    expect(explain(value).hint).toEndWith(`, ${words}`);
  });

  test.each(["", "-1", "soon", "1e9", "2026-10-21", "Abc, 99 Xyz 2026 99:99:99 GMT", "1 (evil)"])(
    "%p is not repeated",
    (value) => expect(explain(value).reason).toBe("HTTP 429: too many requests"),
  );
});
