import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { notInstalled } from './installed.ts'
import { startSecondAws } from './servers.ts'

/**
 * The versions that README.md describes. Another version may have fixed a fault, which is no failure of this
 * repository.
 */
const DESCRIBED = { ministack: 'ministack 1.5.33,', moto: 'moto 5.2.5,' } as const

const program = path.join(import.meta.dirname, 'known_faults.py')

for (const name of ['ministack', 'moto'] as const) {
  t.test(`the faults of ${name} in the README still exist`, { skip: notInstalled(name) }, async t => {
    const server = await startSecondAws(t, name)
    t.comment(server.versions)
    const { stdout } = await promisify(execFile)(server.python, [program, name, server.url])
    const faults = Object.entries(JSON.parse(stdout) as Record<string, boolean>)
    t.ok(faults.length > 0)
    const isDescribed = server.versions.startsWith(DESCRIBED[name])
    for (const [fault, isThere] of faults) {
      if (isDescribed) t.ok(isThere, `${fault}: take it out of the README and assert the right behaviour`)
      else t.comment(`${fault}: ${isThere ? 'still there' : 'mended'}`)
    }
  })
}
