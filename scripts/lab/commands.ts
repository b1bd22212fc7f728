import { type LabNetwork, VERSIONS } from "./network.ts";

/** Something to try, and what it shows; each goes on from where the one before has left the host. */
export interface LabCommand {
  about: string;
  command: string;
  exitCode: number;
  /** What is among the words that it prints. */
  shows: string;
}

/** All commands of the lab, in the order in which they are to be tried. */
export function labCommands(network: LabNetwork): LabCommand[] {
  return [
    ...trust(network),
    ...limits(),
    ...mirrors(network),
    ...proxies(network),
    ...byHand(network),
    ...afterwards(),
  ];
}

const RUN = "./teleport-update --root host";
const ENABLE = `${RUN} enable`;
const STATUS = `${RUN} status`;

function trust({ cluster, mirrors, files, releases }: LabNetwork): LabCommand[] {
  const enrol = `${ENABLE} --proxy ${cluster} --base-url ${mirrors.plain} --ca-file ${files.ca} --trusted-key ${files.key}`;
  return [
    succeeds("Enrol, and trust the key that signs the releases", enrol, "proof:signature"),
    succeeds("The proof is in the status", STATUS, "proof: signature"),
    fails("A key that did not sign", `${ENABLE} --trusted-key ${files.otherKey}`, "E_SIGNATURE"),
    fails("A release without a signature", `${ENABLE} --force-version ${VERSIONS.unsigned}`, "signature not found"),
    succeeds(
      "The same, by the operator's word",
      `${ENABLE} --force-version ${VERSIONS.unsigned} --insecure-skip-signature`,
      "The signature of the release is not asked for",
    ),
    succeeds("Which the status does not hide", STATUS, "proof: checksum, signature skipped"),
    succeeds("Back to signatures", `${ENABLE} --no-insecure-skip-signature`, "proof:signature"),
    fails("Another digest than the archive has", `${ENABLE} --digest ${"0".repeat(64)}`, "E_CHECKSUM"),
    succeeds("The right one", `${ENABLE} --digest ${releases.first.sha256}`, "proof:signature"),
  ];
}

function limits(): LabCommand[] {
  return [
    succeeds("No version above this one", `${ENABLE} --max-version ${VERSIONS.first}`, "Configuration updated."),
    succeeds(
      "The cluster moves on, the host stays",
      `./advertise ${VERSIONS.next}; ${RUN} update --now`,
      "rule:max-version",
    ),
    succeeds("And says why", STATUS, "held_back: 'max-version:"),
    succeeds("So does a command by hand", ENABLE, "which stays at its version"),
    fails("Who names the version hears of it", `${ENABLE} --force-version ${VERSIONS.next}`, "E_HELD_BACK"),
    succeeds("The limit is lifted", `${ENABLE} --max-version default`, `target_version:${VERSIONS.next}`),
  ];
}

function mirrors({ mirrors, files, cutLine }: LabNetwork): LabCommand[] {
  const { plain, basic, certificate } = mirrors;
  const again = `--force-version ${VERSIONS.first}`;
  const shown = `--client-cert ${files.clientCert} --client-key ${files.clientKey}`;
  return [
    fails("A mirror that wants a password", `${ENABLE} --base-url ${basic}`, "HTTP 401"),
    succeeds("With it", `${ENABLE} --base-url ${basic} --netrc ${files.netrc} ${again}`, "Configuration updated."),
    ...(certificate === undefined
      ? []
      : [
          fails("A mirror that wants a certificate", `${ENABLE} --base-url ${certificate}`, "HTTP 400"),
          succeeds("With one", `${ENABLE} --base-url ${certificate} ${shown}`, "Configuration updated."),
        ]),
    succeeds(
      "The first mirror is down, the second is not",
      `${ENABLE} --base-url https://127.0.0.1:9 --base-url ${plain} ${again}`,
      "This place of releases fails, the next one is asked.",
    ),
    succeeds(
      "A line that is cut every 4 MB; the copy that is there is removed first, or nothing would be fetched",
      `rm -r ${placeOf("next")}; ${ENABLE} --base-url ${cutLine.url}`,
      "Trying again.",
    ),
  ];
}

function proxies({ cluster, clusterByName, mirrors, proxies, files }: LabNetwork): LabCommand[] {
  const through = (proxy: string) =>
    `HTTPS_PROXY=${proxy} ${ENABLE} --proxy ${clusterByName} --base-url https://${clusterByName}`;
  const { open, guarded, intercepting } = proxies;
  return [
    succeeds("Through a forward proxy", through(open), "Configuration updated."),
    fails("Through one that wants a password", through(`http://${guarded.address}`), "E_CONNECT_PROXY"),
    succeeds("With the password", through(guarded.url), "Configuration updated."),
    fails("Through one that opens TLS: whose certificate was met", through(intercepting.url), intercepting.authority),
    succeeds(
      "With its authority trusted",
      `${through(intercepting.url)} --ca-file ${files.interceptingCa}`,
      "Configuration updated.",
    ),
    succeeds(
      "Back to the mirror",
      `${ENABLE} --proxy ${cluster} --base-url ${mirrors.plain} --ca-file ${files.ca}`,
      "Configuration updated.",
    ),
  ];
}

function byHand({ releases }: LabNetwork): LabCommand[] {
  const { archive, fileName } = releases.first;
  const from = `--force-version ${VERSIONS.first} --from`;
  const tsh = `${placeOf("first")}/bin/tsh`;
  return [
    succeeds(
      "A release that was carried here, proven as any other",
      `rm -r ${placeOf("first")}; mkdir stick; cp ${archive}* stick; ${ENABLE} ${from} stick`,
      "The release is downloaded and unpacked.",
    ),
    fails("Without its checksum", `rm stick/*.sha256; ${ENABLE} ${from} stick/${fileName}`, "checksum not found"),
    succeeds("What is installed, file by file", `${RUN} verify`, "as it was installed"),
    fails(
      "After a byte was changed",
      `printf X | dd of=${tsh} bs=1 seek=1000 conv=notrunc status=none; ${RUN} verify`,
      "`bin/tsh` was changed",
    ),
    fails(
      "It is never linked again, nor pulled out under the services",
      `${ENABLE} --force-version ${VERSIONS.first}`,
      "E_STILL_LINKED",
    ),
  ];
}

function afterwards(): LabCommand[] {
  return [
    succeeds("Step aside", ENABLE, "Configuration updated."),
    succeeds(
      "And come back to a fresh copy",
      `${ENABLE} --force-version ${VERSIONS.first}`,
      "The installed copy of this version is replaced.",
    ),
    succeeds("All is as it should be", `${RUN} verify`, `${VERSIONS.first} (active): as it was installed`),
    succeeds("What was done", `${RUN} history`, "accepted by its signature"),
  ];
}

function placeOf(version: keyof typeof VERSIONS): string {
  return `host/opt/teleport/default/versions/${VERSIONS[version]}`;
}

function succeeds(about: string, command: string, shows: string): LabCommand {
  return { about, command, exitCode: 0, shows };
}

function fails(about: string, command: string, shows: string): LabCommand {
  return { about, command, exitCode: 1, shows };
}
