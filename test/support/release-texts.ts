/** The files of a release that are no programs: their paths below the top folder (installer-systemd §6.5). */
export function releaseTexts(version: string, examples: boolean): { path: string; mode: number; head: Buffer }[] {
  return [
    text("VERSION", `${version}\n`),
    text("README.md", "# Stand-in release\n\nFor tests: nothing in it reaches a cluster.\n"),
    text("CHANGELOG.md", `# Changelog\n\n## ${version}\n`),
    text("LICENSE-community", "Stand-in licence.\n"),
    script("install", "echo 'the updater never runs this' >&2\nexit 1\n"),
    script("install-selinux.sh", "echo 'the updater never runs this' >&2\nexit 1\n"),
    ...(examples ? systemdExamples() : []),
  ];
}

/** The stock unit: installer-systemd §3.7 with the default paths and without a header. */
export const STOCK_UNIT = `[Unit]
Description=Teleport Service
After=network.target

[Service]
Type=simple
Restart=always
RestartSec=5
EnvironmentFile=-/etc/default/teleport
ExecStart=/usr/local/bin/teleport start --config /etc/teleport.yaml --pid-file=/run/teleport.pid
# systemd before 239 needs an absolute path
ExecReload=/bin/sh -c "exec pkill -HUP -L -F /run/teleport.pid"
PIDFile=/run/teleport.pid
LimitNOFILE=524288

[Install]
WantedBy=multi-user.target
`;

function systemdExamples() {
  return [
    text("examples/systemd/teleport.service", STOCK_UNIT),
    script("examples/systemd/post-install", "exit 0\n"),
    script("examples/systemd/before-remove", "exit 0\n"),
  ];
}

function text(path: string, content: string) {
  return { path, mode: 0o644, head: Buffer.from(content) };
}

function script(path: string, content: string) {
  return { path, mode: 0o755, head: Buffer.from(`#!/bin/sh\n${content}`) };
}
