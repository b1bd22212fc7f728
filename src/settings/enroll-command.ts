import type { Namespace } from "./namespace.ts";

/** What enrolls a host that is not, into the namespace that was asked about. */
export function enrollCommand(namespace: Pick<Namespace, "suffix">): string {
  return `${commandFor(namespace, "enable")} --proxy ADDRESS`;
}

/** A command as it is typed for this very namespace. */
export function commandFor({ suffix }: Pick<Namespace, "suffix">, command: string): string {
  return `teleport-update ${command}${suffix === "" ? "" : ` -i ${suffix}`}`;
}
