import { expect, test } from "bun:test";
import { readTrace } from "./operations.ts";

const hex = (text: string) => [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");

test("calls are read with the paths of their descriptors, those that failed and those that only read are not", () => {
  const [at, etc, a] = [`AT_FDCWD<${hex("/srv")}>`, hex("/etc"), hex("/etc/a b")];
  const trace = [
    `7 openat(${at}, "${a}", O_RDONLY|O_CLOEXEC) = 3<${a}>`,
    `7 mkdir("${etc}", 0755) = -1 EEXIST (File exists)`,
    `7 openat(${at}, "${hex("b")}", O_WRONLY|O_CREAT|O_EXCL, 0600) = 3<${hex("/srv/b")}>`,
    `7 write(3<${a}>, "${hex("text\n")}", 5) = 4`,
    `7 write(3<${a}>, "${hex("te")}"..., 9000) = 9000`,
    `7 write(2<socket:[1]>, "${hex("Change: x.\n")}", 11) = 11`,
    `7 symlink("${hex("../c")}", "${a}") = 0`,
    "7 +++ exited with 0 +++",
  ];
  expect(readTrace(trace.join("\n"))).toEqual([
    { call: "openat", kind: "open", path: "/srv/b", creates: true, truncates: false, mode: 0o600 },
    { call: "write", kind: "write", path: "/etc/a b", bytes: Buffer.from("text") },
    { call: "write", kind: "write", path: "/etc/a b", bytes: undefined },
    { kind: "said", text: "Change: x.\n" },
    { call: "symlink", kind: "symlink", path: "/etc/a b", target: "../c" },
  ]);
});

test("a call counts where it ended when another thread came between", () => {
  const trace = [
    `7 fsync(3<${hex("/a")}> <unfinished ...>`,
    `8 rmdir("${hex("/b")}") = 0`,
    "7 <... fsync resumed>) = 0",
    `7 mkdir("${hex("/c")}", 0750 <unfinished ...>`,
    "7 <... mkdir resumed>) = 0",
  ];
  expect(readTrace(trace.join("\n"))).toEqual([
    { call: "rmdir", kind: "remove", path: "/b" },
    { call: "fsync", kind: "sync", path: "/a" },
    { call: "mkdir", kind: "directory", path: "/c", mode: 0o750 },
  ]);
});

test("a thread that ended before it made a call has made none", () => {
  expect(readTrace(`7 ???( <detached ...>\n7 +++ exited with 1 +++\n8 rmdir("${hex("/b")}") = 0`)).toEqual([
    { call: "rmdir", kind: "remove", path: "/b" },
  ]);
});

test("a call that nobody knows is told, and what is no trace is an error", () => {
  expect(readTrace(`7 lchown("${hex("/etc/a")}", 0, 0) = 0`)).toEqual([
    { call: "lchown", kind: "other", path: "/etc/a" },
  ]);
  expect(() => readTrace("what is this")).toThrow("not a line of a trace");
});
