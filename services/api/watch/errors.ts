import { HeadgateError } from '../../platform/errors.ts'

/** One more would wait than may. */
export class TooManyWatchesError extends HeadgateError {
  readonly code = 'HEADGATE_TOO_MANY_WATCHES'
  /** Whose bound it is. */
  readonly of: 'owner' | 'process'

  constructor(of: 'owner' | 'process', most: number) {
    super(`${most} requests of this ${of} wait for uploads to change.`)
    this.of = of
  }
}
