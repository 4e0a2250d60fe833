/** A program that starts the named programs as children, prints their process ids, and keeps running. */
import { startChild } from '../../../services/local/pipeline/children.ts'

const children = process.argv.slice(2).map(entry => {
  const up = Promise.withResolvers<void>()
  const child = startChild({
    name: entry,
    entry,
    env: process.env,
    onLine: line => {
      if (line === 'up') up.resolve()
    },
    onDeath: death => {
      throw new Error(JSON.stringify(death))
    },
  })
  return up.promise.then(() => child.pid)
})
process.stdout.write(`${JSON.stringify(await Promise.all(children))}\n`)
setInterval(() => undefined, 1_000)
