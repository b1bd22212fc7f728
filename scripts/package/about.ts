/** What both formats say about the package. */
export const ABOUT = {
  summary: "keeps Teleport agents and bots at their cluster's version",
  description: [
    "Host updater for Managed Updates v2: installs the release of Teleport that",
    "a cluster advertises, links it into place, restarts its services and",
    "watches them. A systemd timer then keeps the host at the cluster's version,",
    "and a release that does not live is taken back.",
    "",
    'The package enrolls no host: run "teleport-update enable --proxy ADDRESS".',
  ],
  maintainer: "The teleport-update maintainers <maintainers@teleport-update.example>",
  license: "Apache-2.0",
} as const;
