import { runSeeds, type SeedRange } from './seeds.ts'

// A process of `SeedPool`. Runs the ranges of seeds that it receives, and sends the results of each.

// Faults are errors, and there are thousands of them. Stack traces are only needed in a replay, which runs in one
// process.
Error.stackTraceLimit = 0

// Ctrl-C reaches the whole process group. The parent decides when its processes end.
process.on('SIGINT', () => undefined)
process.once('disconnect', () => process.exit())
process.on('message', (range: SeedRange) => {
  void runSeeds(range).then(results => process.send?.(results))
})
