import { HeadgateError } from '../../services/platform/errors.ts'

/** A benchmark could not be run, or what it measured is void. It has no figures then. */
export class BenchError extends HeadgateError {
  readonly code = 'HEADGATE_BENCH'
}
