import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import path from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { ProcessEndedError, ProcessLimitError, ProcessStartError, TransformError } from '../../errors.ts'
import type { Frame } from './frames.ts'
import { createLink, type Link } from './link.ts'
import { createPrintLimit } from './print-limit.ts'
import { CONTROL } from './protocol.ts'
import type { Excess, Limits, Stopwatch } from './stopwatch.ts'
import { readUsage, type Usage } from './usage.ts'
import { fromWire, readWireError } from './wire-error.ts'

/** A transform process, seen from its parent. */
export interface Child {
  readonly link: Link
  /** Resolves when the process accepts work. Rejects with ProcessStartError. */
  readonly ready: Promise<void>
  /** Resolves with the reason once the process has ended. */
  readonly ended: Promise<Error>
  /** True once it has worked on an upload, whose leftovers in memory count against the next upload. */
  isUsed: boolean
  /** Memory and CPU time that it had used when it was ready. */
  readonly usageAtStart: Usage | undefined
  /** Measures the process until the returned function is called, and kills it if it exceeds a limit. */
  limit(limits: Limits, stopwatch: Stopwatch): () => void
  /** Returns what the process uses, or undefined if that is not known. */
  usage(): Usage | undefined
  /** Calls back when the process reports that it is done with its upload. */
  onDone(callback: () => void): void
  /** Kills the process. */
  kill(): void
  /** Sets whether the process keeps its parent from ending. */
  hold(isHeld: boolean): void
}

/** Priority (nice value) of a transform process. Lower than that of the worker, which also processes small uploads. */
const PRIORITY = 10
const AUTOGROUP_TRIES = 20
const AUTOGROUP_RETRY_MS = 150
/** Interval of the checks, in milliseconds. A process can grow by about 50 MiB in this time. */
const CHECK_EVERY_MS = 25
/** Maximum time of a start, in milliseconds. With a low priority it takes long on a busy machine. */
const START_MS = 120_000
/** Share of a process's memory for the JavaScript heap. The rest is for Node itself, buffers and native code. */
const HEAP_SHARE = 0.75
/** How much of the end of stderr is kept, in UTF-16 units. */
const LAST_WORDS = 4_096
/** Maximum time to wait for the end of stderr after a process has ended, in milliseconds. */
const LAST_WORDS_MS = 1_000
const PROGRAM = path.join(import.meta.dirname, `transform-process${path.extname(import.meta.filename)}`)

/** One upload at a time needs one thread besides that of JavaScript. The second one is for Node itself. */
const ENVIRONMENT = { UV_THREADPOOL_SIZE: '2', VIPS_CONCURRENCY: '1', MALLOC_ARENA_MAX: '2' }

export function startChild(memoryBytes: number): Child {
  const heapMiB = Math.floor((memoryBytes * HEAP_SHARE) / 1024 ** 2)
  const child = spawn(process.execPath, [`--max-old-space-size=${heapMiB}`, PROGRAM, String(memoryBytes)], {
    env: { ...process.env, ...ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    // A separate process group, so that programs that a module has started end with the process.
    detached: true,
  })
  confine(child)
  const pipes = child.stdio as [null, Readable, Readable, Duplex, Duplex] | undefined
  if (!pipes) {
    // The event reports the same failure, and would end the worker without a listener.
    child.on('error', () => undefined)
    throw new ProcessStartError('A process for transforms did not start: there are no file descriptors for its pipes.')
  }
  const [, stdout, stderr, stream, life] = pipes
  let lastWords = ''
  let excess: { kind: Excess; limits: Limits } | undefined
  let fatal: Error | undefined
  let stopwatch: Stopwatch | undefined
  let onDone: (() => void) | undefined
  let isReady = false
  const ready = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<Error>()
  const self: Child & { usageAtStart: Usage | undefined } = {
    ready: ready.promise,
    ended: ended.promise,
    isUsed: false,
    usageAtStart: undefined,
    link: createLink(stream, {
      onFrame: (frame: Frame, direction) => stopwatch?.onFrame(frame, direction),
      // Without its link the process is useless.
      onGone: () => kill(),
    }),
    limit(limits, watch) {
      stopwatch = watch
      const timer = setInterval(() => {
        const over = watch.check(self.usage())
        if (over === undefined) return
        excess ??= { kind: over, limits }
        kill()
      }, CHECK_EVERY_MS)
      return () => {
        clearInterval(timer)
        stopwatch = undefined
      }
    },
    usage: () => (child.pid === undefined ? undefined : readUsage(child.pid)),
    onDone: callback => {
      onDone = callback
    },
    kill,
    hold(isHeld) {
      for (const handle of [child, stdout, stderr, stream, life] as unknown as Array<{ ref(): void; unref(): void }>) {
        if (isHeld) handle.ref()
        else handle.unref()
      }
    },
  }

  function kill(): void {
    child.kill('SIGKILL')
    killGroup(child)
  }

  const tooLate = setTimeout(kill, START_MS)
  self.link.port(CONTROL).listen((kind, payload) => {
    if (kind === 'ready') {
      isReady = true
      self.usageAtStart = self.usage()
      clearTimeout(tooLate)
      ready.resolve()
    } else if (kind === 'ended') onDone?.()
    else if (kind === 'fatal') {
      fatal = fromWire(readWireError(payload))
      kill()
    }
  })
  stdout.on('data', createPrintLimit({ write: bytes => void process.stdout.write(bytes) }))
  const printError = createPrintLimit({ write: bytes => void process.stderr.write(bytes) })
  stderr.on('data', (bytes: Buffer) => {
    printError(bytes)
    lastWords = (lastWords + bytes.toString()).slice(-LAST_WORDS)
  })
  // The exit event reports the same failures.
  for (const pipe of [stdout, stderr, life]) pipe.on('error', () => undefined)

  function settle(reason: Error): void {
    clearTimeout(tooLate)
    if (!isReady) ready.reject(new ProcessStartError('A process for transforms did not start.', { cause: reason }))
    ended.resolve(reason)
  }
  child.once('error', settle)
  child.once('exit', (code, signal) => {
    killGroup(child)
    const end = () => settle(reasonOf(code, signal))
    // Stderr is complete when the pipes are closed. A process that has left the group may keep them open for as long as it runs.
    const late = setTimeout(() => {
      for (const pipe of [stdout, stderr]) pipe.destroy()
      end()
    }, LAST_WORDS_MS)
    child.once('close', () => {
      clearTimeout(late)
      end()
    })
  })
  ready.promise.catch(() => undefined)

  function reasonOf(code: number | null, signal: NodeJS.Signals | null): Error {
    if (excess) return overLimit(excess.kind, excess.limits, self.isUsed)
    if (/JavaScript heap out of memory|process out of memory/.test(lastWords)) {
      return refusal(
        `The transform needs more memory for this content than the ${heapMiB} MiB that it has.`,
        self.isUsed,
      )
    }
    const how = signal === null ? `with code ${code}` : `by ${signal}`
    const cause = fatal ?? (lastWords === '' ? undefined : new Error(lastWords.trim()))
    const message = `The process ended before the work was done, ${how}.`
    return new ProcessEndedError(message, { cause, wasUsed: self.isUsed })
  }
  return self
}

/** Kills all processes that are still in the group. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // No process is left in the group, or none that runs.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

/** Lowers the priority of the process before it runs. */
function confine(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  attempt(() => setPriority(pid, PRIORITY))
  if (process.platform !== 'linux') return
  // If the memory of the container runs out despite the limits, the system kills this process first.
  attempt(() => writeFileSync(`/proc/${pid}/oom_score_adj`, '1000'))
  // Linux sets the priority of the first thread only. Later threads inherit it, but the process may already have started some.
  attempt(() => {
    for (const thread of readdirSync(`/proc/${pid}/task`)) attempt(() => setPriority(Number(thread), PRIORITY))
  })
  lowerGroup(child)
}

/** Ignores errors: the process or thread may have ended, or the system may forbid the change. The limits hold without it. */
function attempt(change: () => void): void {
  try {
    change()
  } catch {
    // Nothing depends on the change.
  }
}

/**
 * Gives the session of the process the same low priority. Linux first shares the processors among sessions, and the process leads its own
 * session. Without this, its priority has no effect outside of containers.
 */
function lowerGroup(child: ChildProcess, triesLeft = AUTOGROUP_TRIES): void {
  // The id of a process that has ended may belong to another process by now.
  if (child.exitCode !== null || child.signalCode !== null) return
  try {
    writeFileSync(`/proc/${child.pid}/autogroup`, String(PRIORITY))
  } catch (error) {
    // EAGAIN: the kernel accepts ten such changes a second in total. Other errors: the kernel has no such groups.
    const isBusy = (error as NodeJS.ErrnoException).code === 'EAGAIN'
    if (isBusy && triesLeft > 0) setTimeout(lowerGroup, AUTOGROUP_RETRY_MS, child, triesLeft - 1).unref()
  }
}

function overLimit(kind: Excess, { memoryBytes, cpuMs, wallMs }: Limits, isUsed: boolean): Error {
  const reason = {
    memory: `The transform needs more memory for this content than the ${Math.round(memoryBytes / 1024 ** 2)} MiB that its process may have.`,
    cpu: `The transform needs more CPU time for this content than the ${cpuMs / 1_000} s that it may use without progress.`,
    wall: `The transform made no progress with this content for ${wallMs / 1_000} s.`,
  }[kind]
  // A busy machine may be the cause, so the upload is retried once.
  return kind === 'wall' ? new ProcessLimitError(reason, { wasUsed: isUsed }) : refusal(reason, isUsed)
}

/** An earlier upload in the same process may be the cause. Then the upload is retried in a new process. */
function refusal(reason: string, wasUsed: boolean): Error {
  return wasUsed ? new ProcessLimitError(reason, { wasUsed }) : new TransformError(reason)
}
