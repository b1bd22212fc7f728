import { must } from "./must.ts";
import { isLeftBehind, ownedName } from "./owned-name.ts";

/** From the range for tests between machines (RFC 2544), so that no real network is hidden. */
const NETWORK = "198.18";

/** A network that ends at the test machine: its hosts reach what the test serves on `testAddress`, and nothing else. */
export interface NetworkNamespace extends AsyncDisposable {
  /** For `bootHost({ network: { namespace } })` and `ip netns exec`. */
  readonly namespace: string;
  /** The test machine as seen from inside. */
  readonly testAddress: string;
  /** The inside as seen from the test machine. */
  readonly hostAddress: string;
}

/** Makes a network namespace with one pair of addresses and no route. Needs root and iproute2. */
export async function createNetworkNamespace(): Promise<NetworkNamespace> {
  await sweepLeftBehind();
  const namespace = ownedName();
  const subnet = await freeSubnet();
  const testAddress = `${NETWORK}.${subnet}.1`;
  const hostAddress = `${NETWORK}.${subnet}.2`;
  const outside = `tutest${subnet}`;
  await must(["ip", "netns", "add", namespace]);
  try {
    const inside = ["name", "eth0", "netns", namespace];
    await must(["ip", "link", "add", outside, "type", "veth", "peer", ...inside]);
    await must(["ip", "address", "add", `${testAddress}/24`, "dev", outside]);
    await must(["ip", "link", "set", outside, "up"]);
    await must(["ip", "-n", namespace, "address", "add", `${hostAddress}/24`, "dev", "eth0"]);
    await must(["ip", "-n", namespace, "link", "set", "eth0", "up"]);
    await must(["ip", "-n", namespace, "link", "set", "lo", "up"]);
  } catch (error) {
    await remove(namespace);
    throw error;
  }
  return { namespace, testAddress, hostAddress, [Symbol.asyncDispose]: () => remove(namespace) };
}

async function freeSubnet(): Promise<number> {
  const addresses = await must(["ip", "-oneline", "-4", "address", "show"]);
  for (let subnet = 1; subnet < 255; subnet += 1) {
    if (!addresses.includes(` ${NETWORK}.${subnet}.`)) return subnet;
  }
  throw new Error(`no subnet of ${NETWORK}.0.0/16 is free`);
}

/** The pair of links goes with the namespace. */
async function remove(namespace: string): Promise<void> {
  await must(["ip", "netns", "delete", namespace]);
}

async function sweepLeftBehind(): Promise<void> {
  const names = (await must(["ip", "netns", "list"])).split("\n").map((line) => line.split(" ")[0] ?? "");
  for (const name of names.filter(isLeftBehind)) await remove(name);
}
