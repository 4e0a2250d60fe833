import { availableParallelism } from 'node:os'
import path from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { ThreadEndedError, TransformError } from '../../errors.ts'
import type { TransformSource } from '../rules/transform-source.ts'
import type { Transform, TransformContext, TransformOutput } from '../transform.ts'
import { PortClosedError, packBytes, readRemote, serveIterable } from './remote-iterable.ts'
import type { RemoteOutput, ThreadTask } from './thread.ts'

export interface TransformThreads {
  /** How many uploads are transformed on threads at a time. */
  readonly size: number
  /** The same transform, which does its work on a thread. */
  onThread(transform: Transform, source: TransformSource): Transform
  /** Ends all threads, whatever they are at. */
  close(): Promise<void>
}

export interface TransformThreadsSettings {
  size?: number
  /** The most that the JavaScript of one thread may hold, in MiB: one that asks for more ends, and nothing else does. */
  heapMiB?: number
  /** How long work that was called off may take to end by itself, in milliseconds. After it its thread is ended. */
  graceMs?: number
}

const IDLE_MS = 30_000

/**
 * Threads for transforms that take the processor for themselves: on the event loop they would hold up the renewal of leases.
 * They start with the first upload that needs one, and end when none has for a while.
 */
export function createTransformThreads(settings: TransformThreadsSettings = {}): TransformThreads {
  const { size = availableParallelism(), heapMiB = 256, graceMs = 500 } = settings
  const pool = new Piscina<ThreadTask, void>({
    filename: path.join(import.meta.dirname, `thread${path.extname(import.meta.filename)}`),
    minThreads: 0,
    maxThreads: size,
    idleTimeout: IDLE_MS,
    // It would put the thread to sleep between tasks, with the messages of a task that is being called off unread.
    atomics: 'disabled',
    resourceLimits: { maxOldGenerationSizeMb: heapMiB },
  })

  async function* apply(
    source: TransformSource,
    input: AsyncIterable<Uint8Array>,
    { upload, signal }: TransformContext,
  ): AsyncGenerator<TransformOutput> {
    signal.throwIfAborted()
    const [bytes, outputs, control] = [new MessageChannel(), new MessageChannel(), new MessageChannel()]
    const ending = new AbortController()
    const transferList = [bytes.port2, outputs.port2, control.port2]
    const task = { source, upload, input: bytes.port2, outputs: outputs.port2, control: control.port2 }
    const ended = pool.run(task, { transferList, signal: ending.signal })
    // Whoever reads the outputs finds them cut short, and asks then.
    ended.catch(() => undefined)
    const served = serveIterable(bytes.port1, input, packBytes)

    let grace: NodeJS.Timeout | undefined
    const callOff = () => {
      control.port1.postMessage('call off')
      bytes.port1.close()
      grace ??= setTimeout(() => ending.abort(), graceMs)
    }
    signal.addEventListener('abort', callOff, { once: true })
    try {
      for await (const { name, body, ...head } of readRemote<RemoteOutput>(outputs.port1, false)) {
        yield { ...head, ...(name !== 'main' && { name }), body: whole(body, ended) }
      }
      await ended
    } catch (error) {
      throw await reasonOf(error, ended)
    } finally {
      signal.removeEventListener('abort', callOff)
      callOff()
      await Promise.allSettled([ended, served])
      clearTimeout(grace)
      control.port1.close()
    }
  }

  async function* whole(body: RemoteOutput['body'], ended: Promise<void>): AsyncGenerator<Uint8Array> {
    try {
      yield* readRemote<Uint8Array>(body, true)
    } catch (error) {
      throw await reasonOf(error, ended)
    }
  }

  /** A thread that has ended in the middle says why by its task. */
  async function reasonOf(error: unknown, ended: Promise<void>): Promise<unknown> {
    if (!(error instanceof PortClosedError)) return error
    const reason = await ended.then(
      () => error,
      (cause: unknown) => cause,
    )
    const { code, message } = reason as { code?: unknown; message?: unknown }
    // The pool's own words: it has no code for it.
    if (/^worker exited with code/.test(String(message))) {
      return new ThreadEndedError('The thread ended before the work was done.', { cause: reason })
    }
    if (code !== 'ERR_WORKER_OUT_OF_MEMORY') return reason
    return new TransformError(`The transform needs more memory for this content than the ${heapMiB} MiB that it has.`, {
      cause: reason,
    })
  }

  return {
    size,
    onThread: (transform, source) => ({
      ...ownFields(transform),
      apply: (input, context) => apply(source, input, context),
    }),
    close: () => pool.destroy(),
  }
}

/** What is asked of a transform before its work, which stays where it is asked. */
function ownFields(transform: Transform): Omit<Transform, 'apply'> {
  const { name, version } = transform
  return {
    name,
    version,
    ...(transform.accepts && { accepts: upload => transform.accepts?.(upload) ?? true }),
    ...(transform.holds && { holds: upload => transform.holds?.(upload) ?? 0 }),
  }
}
