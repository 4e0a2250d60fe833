/** How the api and the workers of `npm start` are tuned, where the person's own environment does not say otherwise. */
const DEFAULTS = {
  // A laptop is not a fleet: what a worker killed with -9 leaves is taken over in seconds.
  FAILOVER_TIME_MS: '3000',
  SHUTDOWN_TIMEOUT_MS: '8000',
}

/**
 * The environment of a child. What the person has set for AWS stays out, all of it: a profile, a session or an endpoint of
 * theirs must never mix with the embedded one, least of all to reach a real account.
 */
export function childEnv(
  inherited: NodeJS.ProcessEnv,
  aws: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !name.startsWith('AWS_') && name !== 'WORKER_ID')
  return { ...DEFAULTS, ...Object.fromEntries(kept), AWS_EC2_METADATA_DISABLED: 'true', ...aws, ...own }
}
