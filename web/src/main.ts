/** Starts the console. */
import './design/tokens.css'
import './design/base.css'
import './design/day.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, language, setLanguage } from './i18n'
import { armAlarm } from './lib/alarm'
import { exposeTiles } from './live/registry'
import { router } from './router'

setLanguage(language())
exposeTiles()
armAlarm()
createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
