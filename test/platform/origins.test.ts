import t from 'tap'
import { allowsOrigin, isOriginEntry, LOOPBACK_ORIGINS } from '../../services/platform/origins.ts'

t.test('an entry is an origin, * or a loopback host with any port', async t => {
  const valid = ['*', 'https://app.example', 'http://localhost:5173', 'https://localhost:*', ...LOOPBACK_ORIGINS]
  for (const entry of valid) t.ok(isOriginEntry(entry), entry)
  const invalid = ['', 'null', 'app.example', 'https://app.example/', 'https://*.example', 'https://app.example:*']
  invalid.push('http://localhost*', 'http://local*:80', 'http://*:80', 'file://', '**', 'http://127.0.0.2:*')
  for (const entry of invalid) t.notOk(isOriginEntry(entry), entry)
})

t.test('loopback pages are allowed on every port, and no page of another host', async t => {
  for (const origin of ['http://localhost:1', 'http://127.0.0.1:65535', 'http://[::1]:8080']) {
    t.ok(allowsOrigin(LOOPBACK_ORIGINS, origin), origin)
  }
  const others = ['null', 'http://localhost', 'https://localhost:1', 'http://localhost:1.evil.example', 'http://x:1']
  for (const origin of [...others, 'http://evil.example:80', 'http://localhost:123456', 'http://127a0a0a1:80']) {
    t.notOk(allowsOrigin(LOOPBACK_ORIGINS, origin), origin)
  }
  t.ok(allowsOrigin(['*'], 'https://any.example'))
  t.notOk(allowsOrigin([], 'http://localhost:1'))
})
