import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { finished } from 'node:stream'
import { addCorsHeaders, answerPreflight } from './cors.ts'
import { S3Error } from './errors.ts'
import * as buckets from './operations/buckets.ts'
import { copyObject } from './operations/copy.ts'
import * as lists from './operations/lists.ts'
import * as multipart from './operations/multipart.ts'
import * as objects from './operations/objects.ts'
import * as tagging from './operations/tagging.ts'
import { type Deps, headerOf, parseRequest, type S3Request, sendEmpty, sendError } from './request.ts'

type Operation = (request: S3Request, deps: Deps) => void | Promise<void>

/** The parameters that select another operation than the method does, and that this server does not have. */
const UNSUPPORTED = [
  'accelerate',
  'acl',
  'analytics',
  'attributes',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'tagging',
  'torrent',
  'versioning',
  'versions',
  'website',
]

/**
 * Creates an S3 over HTTP that verifies no signatures. Objects are streamed to and from disk, so the memory does not depend on
 * their size.
 *
 * @param report called with internal errors
 */
export function createS3Server(deps: Deps, report: (error: unknown) => void): Server {
  async function serve(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-amz-request-id', randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase())
    const request = parseRequest(raw, response, deps)
    const rules = request.bucket === '' ? undefined : deps.index.corsRules(request.bucket)
    if (raw.method === 'OPTIONS') return answerPreflight(request, rules)
    addCorsHeaders(request, rules)
    await findOperation(request)(request, deps)
  }

  // A large object takes as long as its client needs. The connections of clients stay open for longer than they are idle.
  const settings = { requestTimeout: 0, keepAliveTimeout: 75_000 }
  return createServer(settings, (raw, response) => {
    serve(raw, response).catch((error: unknown) => {
      // The client has gone, or is sent fewer bytes than announced, which it notices.
      if (response.headersSent || response.destroyed) {
        if (!isDisconnect(error)) report(error)
        response.destroy()
        return
      }
      if (!(error instanceof S3Error)) report(error)
      const refused = error instanceof S3Error ? error : internalError(error)
      // Many clients read the response only after they have sent the whole body.
      finished(raw.resume(), () => sendError({ raw, response }, refused))
    })
  })
}

/** @throws S3Error NotImplemented, MethodNotAllowed */
function findOperation(request: S3Request): Operation {
  const { bucket, key, query, raw } = request
  const unsupported = UNSUPPORTED.find(name => query.has(name) && !(name === 'tagging' && key !== ''))
  if (unsupported !== undefined) {
    throw new S3Error('NotImplemented', `The embedded S3 has no operation ?${unsupported}.`)
  }
  if (bucket === '') return ofService(request)
  const operation = key === '' ? ofBucket(request) : ofObject(request)
  if (operation) return operation
  throw new S3Error('MethodNotAllowed', `The specified method is not allowed against this resource: ${raw.method}`)
}

function ofService({ raw }: S3Request): Operation {
  if (raw.method === 'GET') return buckets.listBuckets
  if (raw.method === 'HEAD') return request => sendEmpty(request, 200)
  throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.')
}

function ofBucket({ raw, query }: S3Request): Operation | undefined {
  const isCors = query.has('cors')
  switch (raw.method) {
    case 'GET':
      if (isCors) return buckets.getCors
      if (query.has('location')) return buckets.getLocation
      return query.has('uploads') ? lists.listUploads : lists.listObjects
    case 'HEAD':
      return buckets.headBucket
    case 'PUT':
      return isCors ? buckets.putCors : buckets.createBucket
    case 'DELETE':
      return isCors ? buckets.deleteCors : buckets.deleteBucket
    case 'POST':
      return query.has('delete') ? buckets.deleteObjects : undefined
  }
}

const TAGGING = new Map<string, Operation>([
  ['GET', tagging.getTagging],
  ['PUT', tagging.putTagging],
  ['DELETE', tagging.deleteTagging],
])

function ofObject(request: S3Request): Operation | undefined {
  const { raw, query } = request
  const isUpload = query.has('uploadId')
  if (query.has('tagging')) return TAGGING.get(raw.method ?? '')
  switch (raw.method) {
    case 'GET':
      return isUpload ? lists.listParts : objects.getObject
    case 'HEAD':
      return objects.getObject
    case 'PUT':
      if (isUpload) return multipart.putPart
      return headerOf(request, 'x-amz-copy-source') === undefined ? objects.putObject : copyObject
    case 'DELETE':
      return isUpload ? multipart.abortUpload : objects.deleteObject
    case 'POST':
      if (isUpload) return multipart.completeUpload
      return query.has('uploads') ? multipart.createUpload : undefined
  }
}

function internalError(error: unknown): S3Error {
  const reason = error instanceof Error ? error.message : String(error)
  return new S3Error('InternalError', `We encountered an internal error. Please try again. (${reason})`)
}

const DISCONNECTS = ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ABORT_ERR']

function isDisconnect(error: unknown): boolean {
  return (
    error instanceof S3Error || (error instanceof Error && 'code' in error && DISCONNECTS.includes(String(error.code)))
  )
}
