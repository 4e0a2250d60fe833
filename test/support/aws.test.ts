import { existsSync } from 'node:fs'
import t from 'tap'
import { createDataFolder } from './aws.ts'

t.test('the data folder of a test exists until its servers have stopped, and not longer', async t => {
  let folder = ''
  let isThereAtTheStop = false
  await t.test('a test with a server', async t => {
    folder = createDataFolder(t)
    t.teardown(() => {
      isThereAtTheStop = existsSync(folder)
    })
  })
  t.ok(isThereAtTheStop)
  t.notOk(existsSync(folder))
})
