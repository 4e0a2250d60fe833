import type { AwsClients } from '../../platform/aws.ts'
import type { DoctorConfig } from './config.ts'

/** The result of a check. */
export type Finding =
  | { status: 'ok' | 'skipped'; seen: string }
  /** `advice` says what to do, with commands and names where possible. */
  | { status: 'failed'; seen: string; advice: string }

export interface CheckContext {
  config: DoctorConfig
  aws: Omit<AwsClients, 'destroy'>
  env: NodeJS.ProcessEnv
  /** Fires at the timeout of the check. Pass it to every request. */
  signal: AbortSignal
  /** Returns the time of this machine, in milliseconds since 1970. */
  now(): number
}

/** A check of one property of a deployment. All checks are listed in `checks/index.ts`. */
export interface Check {
  /** A stable id for scripts, such as `put-record`. */
  id: string
  /** What is true if the check is ok, in one line. */
  title: string
  /** The variable of the endpoint that the check calls, unless it calls AWS. The advice after a timeout names it. */
  endpointVariable?: 'API_URL'
  /**
   * Runs the check, and leaves nothing behind. Rejections are reported as findings: a RequestFailedError with the advice of
   * `explain.ts`, any other error as a defect of the check.
   */
  run(context: CheckContext): Promise<Finding>
}

export const ok = (seen: string): Finding => ({ status: 'ok', seen })
export const skipped = (seen: string): Finding => ({ status: 'skipped', seen })
export const failed = (seen: string, advice: string): Finding => ({ status: 'failed', seen, advice })
