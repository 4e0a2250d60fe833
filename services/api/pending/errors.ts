import { HeadgateError } from '../../platform/errors.ts'

/** The file has not arrived, or not all of it. The message is sent to the client, who may continue. */
export class NotArrivedError extends HeadgateError {
  readonly code = 'HEADGATE_NOT_ARRIVED'
}

/** The file that arrived does not match its reservation. The message is sent to the client, who has to start again. */
export class ArrivalRefusedError extends HeadgateError {
  readonly code = 'HEADGATE_ARRIVAL_REFUSED'
}
