import { defineError } from '#lib';

export const UsageError = defineError('POSTERN_USAGE', {
  meaning: 'The command line is not one that Postern understands.',
  hint: 'Run `postern --help`.',
});

export const ExampleUnavailable = defineError('POSTERN_EXAMPLE_UNAVAILABLE', {
  meaning: 'The example’s MCP servers are not installed beside Postern.',
  hint: 'Run it from a checkout after `npm ci`, or front a server of your own: postern up -- <command>.',
});

export const ProgramUnavailable = defineError('POSTERN_PROGRAM_UNAVAILABLE', {
  meaning: 'The program given on the command line is not there, or cannot be executed.',
  hint: 'Check its name and the PATH, or give the path of its file.',
});

export const SelfCheckFailed = defineError('POSTERN_SELF_CHECK_FAILED', {
  meaning: 'Postern is up, but a call through its own front door did not come back as it should.',
  hint: 'Look at the log lines above and run `postern doctor`.',
});

export const ConfigMissing = defineError('POSTERN_CONFIG_MISSING', {
  meaning: 'No configuration file was named, and there is none in the current directory.',
  hint: 'Try `postern up --example`, front one server with `postern up -- <command>`, or name a file with --config.',
});

export const ConfigPathMissing = defineError('POSTERN_CONFIG_PATH_MISSING', {
  meaning: 'A directory or file that postern.yaml names for a server’s program does not exist.',
  hint: 'Create it, or correct `cwd`, `readable` or `writable` of that server; without it the program cannot be started.',
});

export const LinkFileInvalid = defineError('POSTERN_LINK_FILE_INVALID', {
  meaning:
    'A file of certificates or keys for a listener, or for the link to a server, cannot be used.',
  hint: 'Look at `tls` of that listener or server in postern.yaml; certificates and lists are PEM, or PKCS#12 where it says so.',
});

export const GatewayUnavailable = defineError('POSTERN_GATEWAY_UNAVAILABLE', {
  meaning: 'A command needs the running gateway, and none answers on this state directory.',
  hint: 'Start it with `postern up`, or name its state directory with --state or --config.',
});

export const ControlFailed = defineError('POSTERN_CONTROL_FAILED', {
  meaning: 'The running gateway refused what a command asked for.',
  hint: 'The gateway’s own reason is in the message.',
});

export const GatewayUnreachable = defineError('POSTERN_GATEWAY_UNREACHABLE', {
  meaning: 'No quantum-safe link to the gateway could be made.',
  hint: 'Check host and port, that the gateway is up, that its profile admits this client, and that the client’s certificate was not revoked.',
});

export const GatewayUntrusted = defineError('POSTERN_GATEWAY_UNTRUSTED', {
  meaning: 'The gateway’s certificate does not verify: wrong CA, wrong name, or out of date.',
  hint: 'Use a name that is in the gateway’s certificate (server_names in postern.yaml), and the fingerprint and algorithm that `postern ca token` printed together.',
});

export const EnrolmentFailed = defineError('POSTERN_ENROLMENT_FAILED', {
  meaning: 'The gateway refused to issue a certificate.',
  hint: 'The message says why; the gateway’s log has an event identity.enrolment_refused.',
});

export const ClientCertificateExpired = defineError('POSTERN_CLIENT_CERTIFICATE_EXPIRED', {
  meaning: 'A client certificate has expired, so nothing proves who asks for the next one.',
  hint: 'Move its files away and enrol anew: `postern ca token <name>` on the gateway, `postern enroll` here.',
});

export const IssuerMetadataInvalid = defineError('POSTERN_ISSUER_METADATA_INVALID', {
  meaning:
    'A token issuer’s metadata cannot be had, is another issuer’s, or does not say where keys are.',
  hint: 'Compare the issuer with the one in its metadata, letter for letter; or name its keys by jwks or jwks_file.',
});
