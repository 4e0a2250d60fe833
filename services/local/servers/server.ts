import { EmbeddedAwsError, PortTakenError } from '../errors.ts'

/** The servers of the embedded AWS. */
export type ServiceName = 's3' | 'dynamodb' | 'kinesis' | 'cognito'

/** One server of the embedded AWS, listening. */
export interface EmbeddedServer {
  readonly port: number
  /** Ends it. What it keeps on disk is complete when this resolves. */
  stop(): Promise<void>
}

export interface ServerSettings {
  /** The address to listen on. */
  host: string
  /** 0 for a free one. */
  port: number
  /** A folder of the server's own. Left out: nothing outlives it. */
  dataDir?: string | undefined
}

export const titles: Record<ServiceName, string> = {
  s3: 'S3',
  dynamodb: 'DynamoDB',
  kinesis: 'Kinesis',
  cognito: 'Cognito',
}

/** The error for a person of a server that did not start. */
export function startError(service: ServiceName, port: number, cause: unknown): Error {
  if (isPortTaken(cause)) return new PortTakenError(titles[service], port, { cause })
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EmbeddedAwsError(`The embedded ${titles[service]} does not start: ${reason}`, { cause })
}

/** The address to reach what listens on `host` from this machine. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
