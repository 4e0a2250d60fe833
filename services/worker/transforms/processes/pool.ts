import { ProcessEndedError, ProcessLimitError } from '../../errors.ts'
import type { TransformLimits } from '../rules/rules.ts'
import type { TransformSource } from '../rules/transform-source.ts'
import type { Transform, TransformContext, TransformOutput } from '../transform.ts'
import { type Child, startChild } from './child.ts'
import { CONTROL, type ProcessTask, type RemoteOutput } from './protocol.ts'
import { inPieces, PortGoneError, readRemote, serveIterable } from './remote-iterable.ts'
import { createSeats } from './seats.ts'
import { defaultSizing } from './sizing.ts'
import { createStopwatch } from './stopwatch.ts'

export interface TransformProcesses {
  /** Maximum number of uploads that are transformed in processes at a time. */
  readonly size: number
  /** Returns the same transform, applied in a process. */
  inProcess(transform: Transform, source: TransformSource, limits: TransformLimits): Transform
  /** Kills all processes. */
  close(): Promise<void>
}

export interface TransformProcessesSettings {
  /** @default as `defaultSizing` has it */
  size?: number
  /** Maximum memory of one process. @default as `defaultSizing` has it */
  memoryMiB?: number
  /** How long aborted work may take to end before its process is killed, in milliseconds. @default 500 */
  graceMs?: number
  /** Maximum time without progress, as a multiple of the maximum CPU time: a busy machine leaves a transform little. @default 6 */
  wallPerCpu?: number
  /** How long a process without work is kept, in milliseconds. @default 30,000 */
  idleMs?: number
}

/** A process that still holds more than this share of its memory after an upload is not used again. */
const KEPT_SHARE = 0.5
/** Maximum number of uploads that are remembered to need a new process. */
const MAX_UNFINISHED = 10_000

/**
 * Processes for transforms that compute for long or are not ours. A transform that ends, stalls or fills its process affects only one
 * upload. Processes start with the first upload that needs one.
 */
export function createTransformProcesses(settings: TransformProcessesSettings = {}): TransformProcesses {
  const sizing = defaultSizing()
  const { size = sizing.size, memoryMiB = sizing.memoryMiB, graceMs = 500, idleMs = 30_000, wallPerCpu = 6 } = settings
  const memoryBytes = memoryMiB * 1024 ** 2
  const seats = createSeats({
    size,
    idleMs,
    start: () => startChild(memoryBytes),
    isReusable(child) {
      const [start = 0, now = 0] = [child.usageAtStart?.memoryBytes, child.usage()?.memoryBytes]
      return now - start < (memoryBytes - start) * KEPT_SHARE
    },
  })
  /** Uploads whose process ended early, oldest first. Their next attempt gets a new process. */
  const unfinished = new Set<string>()

  function remember(key: string, error: unknown): void {
    if (!(error instanceof ProcessEndedError || error instanceof ProcessLimitError)) return
    unfinished.delete(key)
    unfinished.add(key)
    const [oldest] = unfinished
    if (unfinished.size > MAX_UNFINISHED && oldest !== undefined) unfinished.delete(oldest)
  }

  /** Ports are never reused, so that leftovers of an earlier upload can't send anything to a later one. */
  let nextPort = CONTROL + 1

  async function* apply(
    work: { source: TransformSource; limits: TransformLimits },
    input: AsyncIterable<Uint8Array>,
    { upload, signal }: TransformContext,
  ): AsyncGenerator<TransformOutput> {
    const child = await seats.take(signal, unfinished.has(upload.key))
    const { link } = child
    const task: ProcessTask = { source: work.source, upload, input: nextPort++, outputs: nextPort++ }
    if (nextPort > 2 ** 30) nextPort = CONTROL + 1
    const cpuMs = work.limits.timeoutSeconds * 1_000
    const limits = { memoryBytes, cpuMs, wallMs: cpuMs * wallPerCpu }
    const unlimit = child.limit(limits, createStopwatch(limits, task.input))
    const bodies = new Set<number>()
    async function failureOf(error: unknown): Promise<unknown> {
      const reason = await reasonOf(error, child, signal)
      remember(upload.key, reason)
      return reason
    }
    const done = new Promise<void>(resolve => child.onDone(resolve))
    const control = link.port(CONTROL)
    const inputPort = link.port(task.input)
    void serveIterable(inputPort, inPieces(input), piece => piece)
    control.post('start', Buffer.from(JSON.stringify(task)))

    async function* bodyOf(number: number): AsyncGenerator<Uint8Array> {
      try {
        yield* readRemote<Uint8Array>(link.port(number), { unpack: payload => payload, isAhead: true })
        bodies.delete(number)
      } catch (error) {
        throw await failureOf(error)
      }
    }

    const abort = () => void endWork(child, { bodies, done, graceMs })
    signal.addEventListener('abort', abort, { once: true })
    let isWhole = false
    try {
      const unpack = (payload: Buffer) => JSON.parse(payload.toString()) as RemoteOutput
      for await (const { name, body, ...head } of readRemote(link.port(task.outputs), { unpack })) {
        bodies.add(body)
        yield { ...head, ...(name !== 'main' && { name }), body: bodyOf(body) }
      }
      isWhole = true
      unfinished.delete(upload.key)
    } catch (error) {
      throw await failureOf(error)
    } finally {
      signal.removeEventListener('abort', abort)
      if (!isWhole || bodies.size > 0) abort()
      await Promise.race([done, child.ended])
      unlimit()
      inputPort.close()
      child.isUsed = true
      seats.release(child)
    }
  }

  return {
    size,
    inProcess: (transform, source, limits) => ({
      ...ownFields(transform),
      apply: (input, context) => apply({ source, limits }, input, context),
    }),
    close: () => seats.close(),
  }
}

/** Asks a process to end its work, and kills the process if it does not in time. */
async function endWork(
  child: Child,
  { bodies, done, graceMs }: { bodies: Iterable<number>; done: Promise<void>; graceMs: number },
): Promise<void> {
  child.link.port(CONTROL).post('abort')
  for (const body of bodies) child.link.port(body).post('return')
  const grace = setTimeout(child.kill, graceMs)
  await Promise.race([done, child.ended])
  clearTimeout(grace)
}

/** Returns why a process ended, if its end caused the error. */
async function reasonOf(error: unknown, child: Child, signal: AbortSignal): Promise<unknown> {
  if (!(error instanceof PortGoneError)) return error
  const reason = await child.ended
  return signal.aborted ? signal.reason : reason
}

/** The properties that the worker reads itself. `holds` is omitted, because the transform holds its memory in the process. */
function ownFields(transform: Transform): Omit<Transform, 'apply'> {
  const { name, version } = transform
  return { name, version, ...(transform.accepts && { accepts: upload => transform.accepts?.(upload) ?? true }) }
}
