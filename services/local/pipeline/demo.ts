import { setTimeout as wait } from 'node:timers/promises'
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { signIn } from '../cognito-wire.ts'
import { ApiNotReadyError, DemoError } from './errors.ts'

/** The interval between two requests for the status of the upload, in milliseconds. */
const POLL_MS = 25

export const demoFile = { filename: 'demo.txt', content: 'hello kinesis', processed: 'HELLO KINESIS' } as const

export interface DemoSettings {
  apiUrl: string
  cognitoUrl: string
  clientId: string
  user: { username: string; password: string }
  s3: S3Client
  /** The text that the processed object must hold. Left out: any, because a custom transform may process the file. */
  expected?: string | undefined
  /** Aborts the demo with the signal's reason as the error. */
  signal: AbortSignal
  /** Called after each step. */
  onStep(step: string, result: string): void
  /** Returns true to end the demo for an upload that keeps failing. @default waits until the signal aborts */
  isRetried?: ((uploadId: string) => boolean) | undefined
  /** A monotonic clock, in milliseconds. */
  now?: () => number
}

export interface DemoResult {
  /** The user's id token. */
  token: string
  uploadId: string
  uploaded: S3Object
  processed: S3Object
  /** The content of the processed object. */
  text: string
  /** Milliseconds from the upload request until the api reports the status `processed`. */
  processingMs: number
}

const object = Type.Object({ bucket: Type.String(), key: Type.String() })
type S3Object = Static<typeof object>

const isAccepted = Compile(Type.Object({ uploadId: Type.String(), s3: object }))
const isStatus = Compile(
  Type.Object({
    status: Type.String(),
    processed: Type.Optional(object),
    failure: Type.Optional(Type.Object({ code: Type.String(), reason: Type.String() })),
  }),
)

/**
 * Sends one file through the whole pipeline as a client would, over HTTP: signs in, uploads, waits, and reads the
 * processed object.
 *
 * @throws ApiNotReadyError; DemoError for the first step that fails
 */
export async function runDemo(settings: DemoSettings): Promise<DemoResult> {
  const { apiUrl, user, signal, onStep, now = () => performance.now() } = settings
  await untilReady(apiUrl, signal)
  onStep('api', `ready at ${apiUrl}`)

  const { idToken: token } = await signIn(settings.cognitoUrl, { clientId: settings.clientId, ...user })
  onStep('sign in', `as ${user.username}`)

  const { filename, content } = demoFile
  const start = now()
  const body = { filename, content }
  const accepted = validated(
    isAccepted,
    await requestJson(`${apiUrl}/uploads`, { method: 'POST', token, body, signal }),
  )
  onStep('upload', `${filename} = "${content}", upload ${accepted.uploadId}`)

  const isRetried = () => settings.isRetried?.(accepted.uploadId) === true
  const processed = await untilProcessed(`${apiUrl}/uploads/${accepted.uploadId}`, { token, signal, isRetried })
  const processingMs = now() - start
  onStep('processed', `in ${Math.round(processingMs)} ms`)

  const text = await read(settings.s3, processed, signal)
  if (settings.expected !== undefined && text !== settings.expected) {
    throw new DemoError(`The processed object holds ${JSON.stringify(text)}, not "${settings.expected}".`)
  }
  return { token, uploadId: accepted.uploadId, uploaded: accepted.s3, processed, text, processingMs }
}

async function untilReady(apiUrl: string, signal: AbortSignal): Promise<void> {
  let last: unknown
  while (!signal.aborted) {
    try {
      const response = await fetch(`${apiUrl}/readyz`, { signal })
      const text = await response.text()
      if (response.ok) return
      last = new Error(`GET /readyz responded with ${response.status}: ${text}`)
    } catch (error) {
      // The connection is refused while the api does not listen yet. The last error is reported below.
      if (!signal.aborted) last = error
    }
    await wait(POLL_MS)
  }
  throw new ApiNotReadyError(`The api did not become ready: ${reasonOf(signal)} ${describe(last)}`, { cause: last })
}

async function untilProcessed(
  url: string,
  { isRetried, ...request }: { token: string; signal: AbortSignal; isRetried(): boolean },
): Promise<S3Object> {
  let last = 'unknown'
  try {
    while (true) {
      const { status, processed, failure } = validated(isStatus, await requestJson(url, request))
      if (status === 'processed' && processed) return processed
      if (status === 'processed') throw new DemoError('It was processed, but its main output is not in S3.')
      if (status === 'quarantined') throw new DemoError(`The upload is quarantined: ${failure?.reason}`)
      if (status === 'failed') throw new DemoError(`The upload failed: ${failure?.code}: ${failure?.reason}`)
      if (isRetried()) throw new DemoError('The upload keeps failing and will be retried.')
      last = status
      await wait(POLL_MS, undefined, { signal: request.signal })
    }
  } catch (cause) {
    if (!request.signal.aborted) throw cause
    // With SCANNER=guardduty, nothing on this machine tags the object.
    const hint = last === 'scanning' ? ' It waits for its scan: see docs/how-to/scanning.md.' : ''
    throw new DemoError(`The upload is still "${last}", not processed: ${reasonOf(request.signal)}${hint}`, { cause })
  }
}

interface JsonRequest {
  method?: 'GET' | 'POST'
  token: string
  body?: unknown
  signal: AbortSignal
}

/**
 * Sends a request to the api and resolves to its JSON response.
 *
 * @throws DemoError if the status is not 2xx or the body is not JSON
 */
async function requestJson(url: string, { method = 'GET', token, body, signal }: JsonRequest): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  })
  const text = await response.text()
  const where = `${method} ${new URL(url).pathname}`
  if (!response.ok) throw new DemoError(`${where} responded with ${response.status}: ${text}`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DemoError(`${where} responded with ${response.status} and a body that is not JSON: ${text}`, { cause })
  }
}

async function read(s3: S3Client, { bucket, key }: S3Object, abortSignal: AbortSignal): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal })
  return (await Body?.transformToString()) ?? ''
}

function validated<T>(contract: { Check(value: unknown): value is T }, value: unknown): T {
  if (contract.Check(value)) return value
  throw new DemoError(`The response of the api does not match its schema: ${JSON.stringify(value)}`)
}

function reasonOf({ reason }: AbortSignal): string {
  return describe(reason)
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error ?? '')
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
