import { HeadgateError } from '../../platform/errors.ts'

/** The file is not there, or not whole yet. The message is for the client: it may go on. */
export class NotArrivedError extends HeadgateError {
  readonly code = 'HEADGATE_NOT_ARRIVED'
}

/** What arrived is not what was promised. The message is for the client: it has to begin anew. */
export class ArrivalRefusedError extends HeadgateError {
  readonly code = 'HEADGATE_ARRIVAL_REFUSED'
}
