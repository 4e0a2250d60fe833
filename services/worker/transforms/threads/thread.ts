/** What runs on a thread of the pool: one transform of one upload at a time. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type CheckedOutput, outputsOf } from '../outputs.ts'
import { createTransform, type TransformSource } from '../rules/transform-source.ts'
import type { Transform, TransformUpload } from '../transform.ts'
import { packBytes, readRemote, serveIterable } from './remote-iterable.ts'

export interface ThreadTask {
  source: TransformSource
  upload: TransformUpload
  /** Serves the upload's bytes. */
  input: MessagePort
  /** Where the outputs are served, each as a `RemoteOutput`. */
  outputs: MessagePort
  /** Any message calls the work off. */
  control: MessagePort
}

/** An output, its body served by a port of its own. */
export interface RemoteOutput extends Omit<CheckedOutput, 'body'> {
  body: MessagePort
}

/** The transforms that this thread has made: a module is loaded once, and not for each upload. */
const transforms = new Map<string, Promise<Transform>>()

function transformOf(source: TransformSource): Promise<Transform> {
  const known = JSON.stringify(source)
  const made = transforms.get(known) ?? createTransform(source)
  transforms.set(known, made)
  return made
}

export default async function run({ source, upload, input, outputs, control }: ThreadTask): Promise<void> {
  const calledOff = new AbortController()
  control.once('message', () => calledOff.abort())
  const bodies: Promise<void>[] = []
  try {
    const transform = await transformOf(source)
    const made = outputsOf(transform, readRemote<Uint8Array>(input, true), { upload, signal: calledOff.signal })
    await serveIterable(outputs, made, ({ body, ...head }) => {
      const { port1, port2 } = new MessageChannel()
      bodies.push(serveIterable(port1, body, packBytes))
      return { value: { ...head, body: port2 } satisfies RemoteOutput, transfer: [port2] }
    })
    await Promise.all(bodies)
  } finally {
    for (const port of [input, outputs, control]) port.close()
  }
}
