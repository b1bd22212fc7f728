import { join } from "node:path";
import type { SelinuxModuleChange } from "../../platform/change.ts";
import { MODULE_NAME } from "./module-store.ts";

/** Contract: where other parts of Teleport leave a schedule for the v1 updater (installer-systemd §5.4). */
export const UPGRADE_DIRECTORY = "/etc/teleport-upgrade.d";

/**
 * The rules of the module, ours and small: what an agent needs that serves SSH, in interfaces of the reference policy
 * that Debian and Fedora share. Nobody has tested it enforcing yet, so its domain is permissive: what it would deny is
 * only logged. For the same reason sessions stay in it unless PAM moves them: other domains are enforced.
 */
export const TYPE_ENFORCEMENT = `policy_module(${MODULE_NAME}, 1.0.0)

type teleport_ssh_t;
type teleport_ssh_exec_t;
init_daemon_domain(teleport_ssh_t, teleport_ssh_exec_t)
permissive teleport_ssh_t;

type teleport_ssh_conf_t;
files_config_file(teleport_ssh_conf_t)

type teleport_ssh_data_t;
files_type(teleport_ssh_data_t)

type teleport_ssh_upgrade_data_t;
files_type(teleport_ssh_upgrade_data_t)

# Fedora has the older names.
type teleport_ssh_pid_t;
ifdef(\`files_runtime_file',\`
	files_runtime_file(teleport_ssh_pid_t)
	files_runtime_filetrans(teleport_ssh_t, teleport_ssh_pid_t, file)
',\`
	files_pid_file(teleport_ssh_pid_t)
	files_pid_filetrans(teleport_ssh_t, teleport_ssh_pid_t, file)
')

# The agent itself: it starts its successor, and programs for its sessions.
allow teleport_ssh_t self:capability { audit_write chown dac_override dac_read_search fowner fsetid kill net_bind_service setgid setuid sys_nice sys_resource sys_tty_config };
allow teleport_ssh_t self:process { getcap getsched setexec setpgid setrlimit setsched signal_perms };
allow teleport_ssh_t self:fifo_file rw_fifo_file_perms;
allow teleport_ssh_t self:unix_dgram_socket create_socket_perms;
allow teleport_ssh_t self:unix_stream_socket { create_stream_socket_perms connectto };
allow teleport_ssh_t self:tcp_socket create_stream_socket_perms;
allow teleport_ssh_t self:udp_socket create_socket_perms;
can_exec(teleport_ssh_t, teleport_ssh_exec_t)
corecmd_exec_bin(teleport_ssh_t)
corecmd_exec_shell(teleport_ssh_t)

# Its files.
read_files_pattern(teleport_ssh_t, teleport_ssh_conf_t, teleport_ssh_conf_t)
manage_dirs_pattern(teleport_ssh_t, teleport_ssh_data_t, teleport_ssh_data_t)
manage_files_pattern(teleport_ssh_t, teleport_ssh_data_t, teleport_ssh_data_t)
manage_sock_files_pattern(teleport_ssh_t, teleport_ssh_data_t, teleport_ssh_data_t)
manage_dirs_pattern(teleport_ssh_t, teleport_ssh_upgrade_data_t, teleport_ssh_upgrade_data_t)
manage_files_pattern(teleport_ssh_t, teleport_ssh_upgrade_data_t, teleport_ssh_upgrade_data_t)
manage_files_pattern(teleport_ssh_t, teleport_ssh_pid_t, teleport_ssh_pid_t)

# The host, as far as any network service reads it.
dev_read_sysfs(teleport_ssh_t)
dev_read_urand(teleport_ssh_t)
files_read_etc_files(teleport_ssh_t)
files_read_usr_files(teleport_ssh_t)
kernel_read_kernel_sysctls(teleport_ssh_t)
kernel_read_net_sysctls(teleport_ssh_t)
kernel_read_system_state(teleport_ssh_t)
miscfiles_read_generic_certs(teleport_ssh_t)

# Tunnels to the proxy, and the ports that users forward.
corenet_tcp_bind_all_unreserved_ports(teleport_ssh_t)
corenet_tcp_bind_generic_node(teleport_ssh_t)
corenet_tcp_connect_all_ports(teleport_ssh_t)
sysnet_dns_name_resolve(teleport_ssh_t)

# Sessions: PAM, terminals, records of who came and went.
auth_login_pgm_domain(teleport_ssh_t)
logging_send_audit_msgs(teleport_ssh_t)
logging_send_syslog_msg(teleport_ssh_t)
term_use_ptmx(teleport_ssh_t)
userdom_signal_all_users(teleport_ssh_t)
userdom_spec_domtrans_all_users(teleport_ssh_t)
`;

/**
 * Which file gets which type (installer-systemd §5.4). The agents of all revisions are named at once, so that the module
 * fits the release before an update, the one after it, and one that is rolled back to.
 */
export function fileContexts({ namespaceDirectory, dataDirectory, config, pidFile }: LabelledPaths): string {
  const hiddenPid = pidFile.replace(/[^/]+$/, (name) => `.${name}`);
  // The agent writes the file under a hidden name first; and policies differ in which name of /run they look up.
  const pids = [pidFile, hiddenPid].flatMap((path) => [path, `/var${path}`]);
  return [
    context(`${pattern(join(namespaceDirectory, "versions"))}/[^/]+/bin/teleport`, "--", "exec"),
    ...pids.map((path) => context(`${pattern(path)}[0-9]*`, "--", "pid")),
    context(pattern(config), "--", "conf"),
    context(`${pattern(dataDirectory)}(/.*)?`, undefined, "data"),
    context(`${pattern(UPGRADE_DIRECTORY)}(/.*)?`, undefined, "upgrade_data"),
  ].join("");
}

type LabelledPaths = Pick<SelinuxModuleChange, "namespaceDirectory" | "dataDirectory" | "config" | "pidFile">;

/** `--` is for regular files only. The path stands in m4's quotes, or a part of it that names a macro would be replaced. */
function context(path: string, kind: "--" | undefined, type: string): string {
  const fields = [`\`${path}'`, ...(kind === undefined ? [] : [kind])];
  return `${fields.join("\t")}\tgen_context(system_u:object_r:${MODULE_NAME}_${type}_t,s0)\n`;
}

/** A regular expression for the path, open where a character would end the path, the quotes or a comment's start. */
function pattern(path: string): string {
  return path.replace(/[.\\^$*+?()[\]{}|]/g, "\\$&").replace(/[\s\p{Cc}`'"#]/gu, ".");
}
