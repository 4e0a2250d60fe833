import { once } from 'node:events'
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Sent } from './field-case.ts'

export interface FieldClient {
  /** The URL of the api. */
  readonly url: string
  readonly authorization: string
  readonly s3: S3Client
}

export interface FieldAnswer {
  readonly status: number
  readonly uploadIds: readonly string[]
  /** The last part of the problem's `type`; empty if the files are accepted. */
  readonly problem: string
  readonly detail: string
}

/** The response to `GET /uploads/{id}`. */
export interface FoundUpload {
  readonly status: string
  readonly filename: string
  readonly failure?: { readonly code: string; readonly reason: string }
  readonly transform?: { readonly name: string }
  readonly outputs?: readonly { readonly name: string }[]
  readonly s3: { readonly bucket: string; readonly key: string }
}

/** The maximum time until an upload is processed or has failed, in milliseconds. */
const PROCESSED_WITHIN_MS = 180_000

/** Sends the request of a case, with no other headers than the token and the length. */
export async function sendCase(client: FieldClient, sent: Sent): Promise<FieldAnswer> {
  const body = Buffer.from(sent.body)
  return sent.tusMetadata === undefined ? post(client, body, sent) : sendByTus(client, body, sent.tusMetadata)
}

async function post(client: FieldClient, body: Buffer, { contentType, filename, headers }: Sent): Promise<FieldAnswer> {
  const query = filename === undefined ? '' : `?filename=${encodeURIComponent(filename)}`
  const type = contentType === undefined ? {} : { 'Content-Type': contentType }
  return toAnswer(await send(client, 'POST', `/uploads${query}`, { ...type, ...headers }, body))
}

async function sendByTus(client: FieldClient, body: Buffer, metadata: string): Promise<FieldAnswer> {
  const tus = { 'Tus-Resumable': '1.0.0' }
  const created = await send(client, 'POST', '/uploads/tus', {
    ...tus,
    'Upload-Length': String(body.byteLength),
    ...(metadata !== '' && { 'Upload-Metadata': metadata }),
  })
  if (created.status !== 201) return toAnswer(created)
  const path = new URL(created.location ?? '', client.url).pathname
  const patch = { ...tus, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' }
  const finished = await send(client, 'PATCH', path, patch, body)
  return finished.status === 204
    ? { status: 204, uploadIds: [path.split('/').at(-1) ?? ''], problem: '', detail: '' }
    : toAnswer(finished)
}

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly body: Buffer
}

async function send(
  { url, authorization }: FieldClient,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer = Buffer.alloc(0),
): Promise<Answer> {
  const asked = request(`${url}${path}`, {
    method,
    headers: { Authorization: authorization, 'Content-Length': body.byteLength, ...headers },
  })
  asked.end(body)
  const [response] = await once(asked, 'response')
  return { status: response.statusCode, location: response.headers.location, body: await buffer(response) }
}

function toAnswer({ status, body }: Answer): FieldAnswer {
  const json = JSON.parse(body.toString()) as Record<string, unknown> & { uploads?: { uploadId: string }[] }
  const accepted = json.uploads ?? ('uploadId' in json ? [json as unknown as { uploadId: string }] : [])
  return {
    status,
    uploadIds: accepted.map(({ uploadId }) => uploadId),
    problem: String(json.type ?? '').replace(/^.*[#/]/, ''),
    detail: String(json.detail ?? ''),
  }
}

/**
 * Resolves once an upload is processed or has failed.
 *
 * @throws Error after the maximum time
 */
export async function findUpload({ url, authorization }: FieldClient, uploadId: string): Promise<FoundUpload> {
  const deadline = performance.now() + PROCESSED_WITHIN_MS
  for (;;) {
    const response = await fetch(`${url}/uploads/${uploadId}?wait=20`, { headers: { authorization } })
    const upload = (await response.json()) as FoundUpload
    if (upload.status === 'processed' || upload.status === 'failed') return upload
    if (performance.now() > deadline) throw new Error(`The upload ${uploadId} is still ${upload.status}.`)
  }
}

/** Resolves to an output, by default the main output, through the redirect that a client follows. */
export async function readOutput(
  { url, authorization }: FieldClient,
  uploadId: string,
  path = 'processed',
): Promise<Buffer> {
  const response = await fetch(`${url}/uploads/${uploadId}/${path}`, { headers: { authorization } })
  if (!response.ok) throw new Error(`The output ${path} of ${uploadId}: ${response.status} ${await response.text()}`)
  return Buffer.from(await response.arrayBuffer())
}

export async function readStored({ s3 }: FieldClient, upload: FoundUpload): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: upload.s3.bucket, Key: upload.s3.key }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}
