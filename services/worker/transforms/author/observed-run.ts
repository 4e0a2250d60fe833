import { AsyncLocalStorage } from 'node:async_hooks'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

/** What a run of a transform has called that returns something else in each run. */
interface Observed {
  /** How far the clock is ahead, in milliseconds. */
  shiftMs: number
  calls: Set<string>
}

const current = new AsyncLocalStorage<Observed>()
let active = 0
let restore: () => void = () => undefined

/**
 * Runs a function with a clock that is ahead by `shiftMs`, and records which functions for the time and for random values it calls. Other
 * code of the process, tests that run at the same time for example, has the usual clock.
 */
export async function observe<T>(run: () => Promise<T>, shiftMs: number): Promise<{ value: T; calls: Set<string> }> {
  const observed: Observed = { shiftMs, calls: new Set() }
  if (active === 0) restore = install()
  active++
  try {
    return { value: await current.run(observed, run), calls: observed.calls }
  } finally {
    if (--active === 0) restore()
  }
}

/** Records a call, if an observed run makes it. Returns how far the clock of the run is ahead. */
function note(call: string): number {
  const observed = current.getStore()
  observed?.calls.add(call)
  return observed?.shiftMs ?? 0
}

/** Replaces the functions. Returns a function that puts them back. */
function install(): () => void {
  const { Date: realDate } = globalThis
  const realNow = performance.now
  const realHrtime = process.hrtime
  const undo = [replaceDate(realDate)]
  const put = <T extends object, K extends keyof T>(owner: T, key: K, value: T[K]) => {
    const own = Object.getOwnPropertyDescriptor(owner, key)
    Object.defineProperty(owner, key, { value, configurable: true, writable: true })
    undo.push(() => {
      if (own === undefined) delete owner[key]
      else Object.defineProperty(owner, key, own)
    })
  }
  put(performance, 'now', () => realNow.call(performance) + note('performance.now()'))
  const hrtime = (time?: [number, number]): [number, number] => {
    const shiftMs = note('process.hrtime()')
    const [seconds, nanos] = realHrtime(time)
    // A difference of two times does not depend on the clock.
    return time === undefined ? [seconds + Math.floor(shiftMs / 1_000), nanos] : [seconds, nanos]
  }
  const bigint = () => realHrtime.bigint() + BigInt(note('process.hrtime.bigint()')) * 1_000_000n
  put(process, 'hrtime', Object.assign(hrtime, { bigint }))
  const noting = <A extends unknown[], R>(call: string, real: (...args: A) => R, owner: object) =>
    function (this: unknown, ...args: A): R {
      note(call)
      return real.apply(owner, args)
    }
  put(Math, 'random', noting('Math.random()', Math.random, Math))
  for (const name of ['randomUUID', 'randomBytes', 'randomInt'] as const) {
    put(crypto, name, noting(`${name}()`, crypto[name] as (...args: unknown[]) => unknown, crypto) as never)
  }
  for (const name of ['randomUUID', 'getRandomValues'] as const) {
    const { crypto: web } = globalThis
    put(web, name, noting(`crypto.${name}()`, web[name] as (...args: unknown[]) => unknown, web) as never)
  }
  // Named imports, such as `import { randomUUID } from 'node:crypto'`, follow the object only after this call.
  syncBuiltinESMExports()
  return () => {
    for (const step of undo.reverse()) step()
    syncBuiltinESMExports()
  }
}

/** Dates are still instances of the real class: only the current time is another. */
function replaceDate(real: DateConstructor): () => void {
  const now = (call: string) => real.now() + note(call)
  globalThis.Date = new Proxy(real, {
    construct(target, args, newTarget) {
      const given = args.length === 0 ? [now('new Date()')] : args
      return Reflect.construct(target, given, newTarget) as object
    },
    apply: target => new target(now('Date()')).toString(),
    get(target, key) {
      return key === 'now' ? () => now('Date.now()') : Reflect.get(target, key)
    },
  })
  return () => {
    globalThis.Date = real
  }
}
