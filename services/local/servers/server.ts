import { EmbeddedAwsError, PortTakenError } from '../errors.ts'
import { isPortTaken } from '../ports.ts'

/** The servers of the embedded AWS whose ports a data directory remembers. */
export type ServiceName = 's3' | 'dynamodb' | 'kinesis' | 'cognito'

/** A listening server of the embedded AWS. */
export interface EmbeddedServer {
  readonly port: number
  /** Stops the server. Its data on disk is complete when this resolves. */
  stop(): Promise<void>
}

export interface ServerSettings {
  /** The address to listen on. */
  host: string
  /** 0 means a free port. */
  port: number
  /** The folder of the server's data. Left out: the data is in memory. */
  dataDir?: string | undefined
}

export const titles: Record<ServiceName | 'eventbridge', string> = {
  s3: 'S3',
  dynamodb: 'DynamoDB',
  kinesis: 'Kinesis',
  cognito: 'Cognito',
  eventbridge: 'EventBridge',
}

/** Returns the error of a server that did not start, with a message for people. */
export function startError(service: keyof typeof titles, port: number, cause: unknown): Error {
  if (isPortTaken(cause)) return new PortTakenError(titles[service], port, { cause })
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EmbeddedAwsError(`The embedded ${titles[service]} did not start: ${reason}`, { cause })
}

/** Returns the address at which this machine reaches a server that listens on `host`. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
