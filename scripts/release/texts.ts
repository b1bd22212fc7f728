import { GLIBC_FLOOR } from "./executables.ts";
import { CPU_FLOOR, KERNEL_FLOOR } from "./floors.ts";
import { type Variant, variantName } from "./variants.ts";

const FIPS_NOTE = `
This is the FIPS variant: it leaves all cryptography to the host's validated module, installs FIPS releases, and starts only on a
host in FIPS mode.
`;

/** For whoever has just unpacked the archive. */
export function unpackedReadme(version: string, variant: Variant): string {
  return `# teleport-update ${version} for Linux on ${variantName(variant)}

Keeps the Teleport agents and bots of this host at the version that their cluster wants.
${variant.isFips ? FIPS_NOTE : ""}
    sudo ./teleport-update enable --proxy proxy.example.com
    sudo teleport-update status

\`enable\` installs the release that the cluster advertises, and a copy of this program, which a systemd timer runs from then
on: this folder may be deleted afterwards.

\`./teleport-update help\` shows the commands, \`man -l man/teleport-update.8\` the manual. \`INSTALL.md\` says what a host
needs, how to check this archive, and where its files belong. Apache-2.0, see \`LICENSE\`; what others wrote is in
\`THIRD-PARTY-NOTICES.txt\`.
`;
}

export function installNotes({ architecture, isFips }: Variant): string {
  return `# Install

## What a host needs

- Linux ${KERNEL_FLOOR} or later, with systemd, \`/proc\` mounted, and util-linux' \`flock\`
- glibc ${GLIBC_FLOOR} or later
- ${CPU_FLOOR[architecture]}
${isFips ? "- FIPS mode, with `curl` and `openssl` that use OpenSSL's validated module\n" : ""}
## Check the archive

Beside each archive lies a file with its SHA-256, and where the publisher signs, one with a signature:

    sha256sum --check teleport-update-*.sha256
    base64 -d <ARCHIVE.sig >signature.der
    openssl dgst -sha256 -verify publisher.pub -signature signature.der ARCHIVE

## Where the files belong

To enroll a host, nothing has to be put anywhere: \`sudo ./teleport-update enable --proxy ADDRESS\` keeps a copy of the program in
\`/opt/teleport/default/updater/\` and links \`/usr/local/bin/teleport-update\` to it. The rest is a convenience:

    sudo install -D -m 644 man/teleport-update.8 /usr/local/share/man/man8/teleport-update.8
    sudo install -D -m 644 completions/bash/teleport-update /usr/local/share/bash-completion/completions/teleport-update
    sudo install -D -m 644 completions/fish/teleport-update.fish /usr/local/share/fish/vendor_completions.d/teleport-update.fish
    sudo install -D -m 644 completions/zsh/_teleport-update /usr/local/share/zsh/site-functions/_teleport-update

The program must not be stripped: what it runs is in a section that \`strip\` removes.
`;
}
