import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { createDocumentFile } from '../document-file.ts'
import { EventBridgeError } from './errors.ts'
import { createOperations } from './operations.ts'
import { loadRules, toDocument } from './rules.ts'

export interface EventBridgeSettings {
  host: string
  /** 0 means a free port. */
  port: number
  /** Puts events on the streams that rules have as targets. */
  kinesis: KinesisClient
  /** The file that keeps the rules. @default they are in memory */
  file?: string | undefined
}

export interface EventBridgeServer {
  readonly port: number
  /** Finishes the requests in flight, saves unsaved changes, and closes the port. */
  stop(): Promise<void>
}

const CONTENT_TYPE = 'application/x-amz-json-1.1'
const TARGET = /^AWSEvents\.(\w+)$/
const DRAIN_MS = 1_000

/**
 * Starts an emulation of EventBridge, over its own protocol.
 *
 * @throws EmbeddedAwsError if the file can't be read, or the error of `listen` if the port is in use
 */
export async function startEventBridge({ host, port, kinesis, file }: EventBridgeSettings): Promise<EventBridgeServer> {
  const rules = await loadRules(file)
  const document = file === undefined ? undefined : createDocumentFile(file, () => toDocument(rules))
  const operations = createOperations({
    rules,
    save: async () => document?.save(),
    async putOnStream(stream, event) {
      const data = Buffer.from(JSON.stringify(event))
      // As on AWS, the key is the id of the event, unless the target has a path for it.
      await kinesis.send(new PutRecordCommand({ StreamName: stream, PartitionKey: event.id, Data: data }))
    },
    report,
  })

  async function run(request: IncomingMessage): Promise<object> {
    const body = await buffer(request)
    // Required: a page in a browser can send plain text to any address without a preflight, but not this type.
    if (request.headers['content-type'] !== CONTENT_TYPE) {
      throw new EventBridgeError('SerializationException', `The content type must be ${CONTENT_TYPE}.`)
    }
    const [, name = ''] = TARGET.exec(String(request.headers['x-amz-target'])) ?? []
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (request.method !== 'POST' || !operation) {
      throw new EventBridgeError('UnknownOperationException', 'The embedded EventBridge does not know this operation.')
    }
    return await operation(parse(body.toString()))
  }

  const server = createServer((request, response) => {
    run(request)
      .then(output => answer(response, 200, output))
      .catch((error: unknown) => {
        // The client closed the connection in the middle of the request.
        if (request.destroyed && !request.complete) return
        const known = error instanceof EventBridgeError ? error : undefined
        if (!known) report(error)
        const code = known?.code ?? 'InternalException'
        answer(response, known ? 400 : 500, { __type: code, message: known?.message ?? 'Internal error.' })
      })
  })
  server.listen(port, host)
  await once(server, 'listening')
  server.on('error', report)
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
      await closed
      clearTimeout(timer)
      await document?.flush()
    },
  }
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (cause) {
    throw new EventBridgeError('SerializationException', 'The body is not JSON.', { cause })
  }
  throw new EventBridgeError('SerializationException', 'The body is not a JSON object.')
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': CONTENT_TYPE, 'x-amzn-requestid': randomUUID() })
  response.end(JSON.stringify(body))
}

function report(error: unknown): void {
  console.error('The embedded EventBridge:', error)
}
