/** The component library dressed in our tokens: it computes shades, so it is given their values, not their names. */
import type { GlobalThemeOverrides } from 'naive-ui'

export function themeFromTokens(): GlobalThemeOverrides {
  const style = getComputedStyle(document.documentElement)
  const t = (name: string) => style.getPropertyValue(name).trim()
  return {
    common: {
      fontFamily: t('--font-sans'),
      fontFamilyMono: t('--font-mono'),
      fontSize: '15px',
      fontSizeMedium: '15px',
      fontSizeLarge: '16px',
      heightMedium: '40px',
      heightLarge: '46px',
      borderRadius: t('--radius-2'),
      primaryColor: t('--ochre'),
      primaryColorHover: '#f0c46c',
      primaryColorPressed: t('--ochre-deep'),
      primaryColorSuppl: t('--ochre'),
      errorColor: t('--vermilion'),
      errorColorHover: '#ff7c66',
      errorColorPressed: t('--vermilion-deep'),
      errorColorSuppl: t('--vermilion'),
      successColor: t('--jade'),
      successColorSuppl: t('--jade'),
      warningColor: t('--ochre'),
      infoColor: t('--indigo'),
      bodyColor: t('--ink-1'),
      cardColor: t('--ink-2'),
      modalColor: t('--ink-3'),
      popoverColor: t('--ink-3'),
      inputColor: t('--ink-0'),
      borderColor: t('--rule-strong'),
      dividerColor: t('--rule'),
      textColor1: t('--paper-0'),
      textColor2: t('--paper-1'),
      textColor3: t('--paper-2'),
      placeholderColor: t('--paper-3'),
      hoverColor: t('--ink-4'),
    },
    Button: {
      textColorPrimary: t('--accent-ink'),
      textColorHoverPrimary: t('--accent-ink'),
      textColorFocusPrimary: t('--accent-ink'),
      textColorPressedPrimary: t('--accent-ink'),
      fontWeight: '600',
    },
    Input: { border: `1px solid ${t('--rule-strong')}` },
    Popover: { padding: '14px 16px' },
  }
}
