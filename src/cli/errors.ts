import { defineError } from '#lib';

export const UsageError = defineError('POSTERN_USAGE', {
  meaning: 'The command line is not one that Postern understands.',
  hint: 'Run `postern --help`.',
});

export const ExampleUnavailable = defineError('POSTERN_EXAMPLE_UNAVAILABLE', {
  meaning: 'The example’s MCP servers are not installed beside Postern.',
  hint: 'Run it from a checkout after `npm ci`, or front a server of your own: postern up -- <command>.',
});

export const SelfCheckFailed = defineError('POSTERN_SELF_CHECK_FAILED', {
  meaning: 'Postern is up, but a call through its own front door did not come back as it should.',
  hint: 'Look at the log lines above and run `postern doctor`.',
});

export const ConfigMissing = defineError('POSTERN_CONFIG_MISSING', {
  meaning: 'No configuration file was named, and there is none in the current directory.',
  hint: 'Try `postern up --example`, front one server with `postern up -- <command>`, or name a file with --config.',
});

export const EgressFileInvalid = defineError('POSTERN_EGRESS_FILE_INVALID', {
  meaning: 'A file of certificates or keys for the link to a server cannot be used.',
  hint: 'Look at `tls` of that server in postern.yaml; certificates and lists are PEM, or PKCS#12 where it says so.',
});

export const GatewayUnavailable = defineError('POSTERN_GATEWAY_UNAVAILABLE', {
  meaning: 'A command needs the running gateway, and none answers on this state directory.',
  hint: 'Start it with `postern up`, or name its state directory with --state or --config.',
});

export const ControlFailed = defineError('POSTERN_CONTROL_FAILED', {
  meaning: 'The running gateway refused what a command asked for.',
  hint: 'The gateway’s own reason is in the message.',
});
