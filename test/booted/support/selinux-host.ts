/** What a host needs to build, check and store the SELinux module. */
export const SELINUX_PACKAGES = [
  "selinux-policy-default",
  "selinux-policy-dev",
  "make",
  "policycoreutils",
  "semodule-utils",
];
