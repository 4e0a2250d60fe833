import type { EmbeddedAws } from '../../../services/local/embedded-aws.ts'

/** The environment variable with the port of the host of shared servers. `npm test` sets it. */
export const HOST_PORT = 'HEADGATE_TEST_SERVERS'

/** The settings of an embedded AWS that do not concern its servers. */
export interface LeaseSettings {
  shards?: number | undefined
  corsOrigins?: readonly string[] | undefined
}

/** The parts of an embedded AWS that another process can have. */
export type SharedAws = Pick<EmbeddedAws, 'env' | 'endpoints' | 'user'>

/** A response to a lease, and an error that may follow later: a server has ended by itself. */
export type FromHost = { aws: SharedAws } | { error: string }
