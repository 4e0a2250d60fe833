import type { AwsClients } from '../../platform/aws.ts'
import type { DoctorConfig } from './config.ts'

/** What a check came to. */
export type Finding =
  | { status: 'ok' | 'skipped'; seen: string }
  /** `advice` says what to do, in commands and names where there are any. */
  | { status: 'failed'; seen: string; advice: string }

/** What a check works with. */
export interface CheckContext {
  config: DoctorConfig
  aws: Omit<AwsClients, 'destroy'>
  env: NodeJS.ProcessEnv
  /** Fires when the time of the check is up: to be given to every request. */
  signal: AbortSignal
  /** Milliseconds since 1970, by the clock of this machine. */
  now(): number
}

/** One thing that goes wrong, in a file of `checks/` of its own, and listed in `checks/index.ts`. */
export interface Check {
  /** Stable, for scripts: `put-record`. */
  id: string
  /** What holds where it is ok, in a line. */
  title: string
  /** The variable whose address the check asks, where that is not an endpoint of AWS. */
  endpointVariable?: 'API_URL'
  /**
   * Looks, and changes nothing that anybody would see. What it throws is told as what was found: an error of AWS by
   * `explain.ts`, which is why a check says what it asked for by `asking`.
   */
  run(context: CheckContext): Promise<Finding>
}

export const ok = (seen: string): Finding => ({ status: 'ok', seen })
export const skipped = (seen: string): Finding => ({ status: 'skipped', seen })
export const failed = (seen: string, advice: string): Finding => ({ status: 'failed', seen, advice })
