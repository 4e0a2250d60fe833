import { HeadgateError } from '../../services/platform/errors.ts'

/** A benchmark could not run, or its measurements are void. It then has no figures. */
export class BenchError extends HeadgateError {
  readonly code = 'HEADGATE_BENCH'
}
