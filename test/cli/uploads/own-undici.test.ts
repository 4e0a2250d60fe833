import path from 'node:path'
import t from 'tap'
import { runProgram } from '../../support/processes.ts'

t.test(
  'the requests of the command go through the installed undici, even if the undici of Node was loaded first',
  async t => {
    const file = path.resolve(import.meta.dirname, '../../../services/cli/session/connect.ts')
    const source = `
    new Response()
    await import(${JSON.stringify(file)})
    const { EnvHttpProxyAgent, fetch, getGlobalDispatcher } = await import('undici')
    console.log(getGlobalDispatcher() instanceof EnvHttpProxyAgent, globalThis.fetch === fetch)`
    const program = runProgram(t, ['--input-type=module', '--eval', source])
    t.match(await program.ended, { code: 0 }, program.stderr())
    t.equal(program.stdout(), 'true true\n')
  },
)
