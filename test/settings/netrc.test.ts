import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BadNetrc, findInNetrc } from "../../src/settings/netrc.ts";

const HOST = "mirror.example.com";

describe("an entry", () => {
  test.each<[string, string, [string, string] | undefined]>([
    ["on one line", `machine ${HOST} login me password word`, ["me", "word"]],
    ["over several lines", `machine ${HOST}\n  login me\n\tpassword word\n`, ["me", "word"]],
    ["the password first", `machine ${HOST} password word login me`, ["me", "word"]],
    ["with an account", `machine ${HOST} login me account x password word`, ["me", "word"]],
    ["after others", `machine a login b password c\nmachine ${HOST} login me password word`, ["me", "word"]],
    ["of a host in capitals", "machine MIRROR.example.com login me password word", ["me", "word"]],
    ["in quotes", `machine ${HOST} login "a b" password "x\\"y\\\\z\\tw"`, ["a b", 'x"y\\z\tw']],
    ["with a comment", `# mine\nmachine ${HOST} login me password word # really\n`, ["me", "word"]],
    ["a password with a mark", `machine ${HOST} login me password a#b"c`, ["me", 'a#b"c']],
    ["with DOS line ends", `machine ${HOST}\r\nlogin me\r\npassword word\r\n`, ["me", "word"]],
    ["twice: the first counts", `machine ${HOST} login a password b\nmachine ${HOST} login c password d`, ["a", "b"]],
    ["that is not whole, then one that is", `machine ${HOST} login a\nmachine ${HOST} login c password d`, ["c", "d"]],
    ["of another host", "machine other login me password word", undefined],
    ["of a host below it", `machine x.${HOST} login me password word`, undefined],
    ["for all hosts", "default login me password word", undefined],
    [
      "of the host after one for all",
      `default login a password b\nmachine ${HOST} login me password word`,
      ["me", "word"],
    ],
    ["without a password", `machine ${HOST} login me`, undefined],
    ["empty words", `machine ${HOST} login "" password ""`, ["", ""]],
    ["in a macro", `macdef x\nmachine ${HOST} login me password word\n\nmachine a login b password c`, undefined],
    ["no text", "", undefined],
  ])("%s", (_, text, expected) => {
    const [login, password] = expected ?? [];
    expect(findInNetrc(text, HOST)).toEqual(expected && ({ login, password } as { login: string; password: string }));
  });
});

test.each([
  ["fd00::5", "[fd00::5]"],
  ["[FD00::5]", "[fd00::5]"],
  ["fd00::5", "fd00::5"],
])("an address %s stands for the host %s of a URL", (written, host) => {
  const text = `machine fd00::6 login a password b\nmachine ${written} login me password word`;
  expect(findInNetrc(text, host)).toEqual({ login: "me", password: "word" });
});

describe("refused, by the line", () => {
  test.each([
    ["an unknown word", `machine a\nlogn me`, 2],
    ["a value too few", "machine a login", 1],
    ["a quote that does not end", `machine a\n\nlogin "me`, 3],
  ])("%s", (_, text, line) => {
    expect(() => findInNetrc(text, HOST)).toThrow(expect.objectContaining({ line }));
  });

  test("the word itself is not shown: it may be a password", () => {
    expect(() => findInNetrc("machine a login b passwort hunter2", HOST)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("hunter2") }),
    );
  });
});

test("whatever is written in quotes is read back; whatever the text, only `BadNetrc` is thrown", () => {
  const word = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));
  const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
  fc.assert(
    fc.property(word, word, fc.string({ unit: "binary" }), (login, password, noise) => {
      const line = `machine ${HOST} login ${quoted(login)} password ${quoted(password)}`;
      expect(findInNetrc(line, HOST)).toEqual({ login, password });
      try {
        findInNetrc(`${noise} ${line}`, HOST);
      } catch (error) {
        expect(error).toBeInstanceOf(BadNetrc);
      }
    }),
  );
});
