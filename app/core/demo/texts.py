"""The texts of the demo workspace, in the languages of the embed."""

from app.core.forms.content import FormText

SITE = "https://harbour-coffee.example.com"
PRIVACY, TERMS = f"{SITE}/privacy", f"{SITE}/terms"

FAIR_NOTE = "Ticked “Monthly letter” on the cards of the coffee fair in Bristol. The cards are in the office."

# Locale to (name, description).
OFFERS = {
    "en": ("Offers and news", "A few texts a month: what is new, what is cheaper, what is fresh from the roaster."),
    "es": ("Ofertas y novedades", "Unos pocos mensajes al mes: novedades, rebajas y café recién tostado."),
    "fr": ("Offres et nouveautés", "Quelques SMS par mois : nouveautés, bons prix et cafés fraîchement torréfiés."),
    "de": ("Angebote und Neues", "Wenige SMS im Monat: Neues, Angebote und frisch gerösteter Kaffee."),
    "pt_BR": ("Ofertas e novidades", "Poucas mensagens por mês: novidades, descontos e café recém-torrado."),
    "ar": ("العروض والأخبار", "بضع رسائل في الشهر: الجديد والعروض والقهوة المحمصة حديثًا."),
}
ORDERS = {
    "en": ("Order updates", "When your order is packed, on its way, and ready to collect."),
    "es": ("Avisos de pedidos", "Cuando tu pedido está preparado, en camino y listo para recoger."),
    "fr": ("Suivi de commande", "Quand votre commande est prête, en route et à retirer."),
    "de": ("Bestellstatus", "Wenn Ihre Bestellung gepackt, unterwegs und abholbereit ist."),
    "pt_BR": ("Atualizações de pedidos", "Quando o seu pedido está pronto, a caminho e disponível para retirada."),
    "ar": ("تحديثات الطلبات", "عندما يُجهَّز طلبك، وعندما يكون في الطريق، وعندما يصبح جاهزًا للاستلام."),
}
LETTER = {
    "en": ("Monthly letter", "One email a month about a farm, a roast and a recipe."),
    "es": ("Carta mensual", "Un correo al mes sobre una finca, un tueste y una receta."),
    "fr": ("Lettre mensuelle", "Un e-mail par mois : une ferme, une torréfaction, une recette."),
    "de": ("Monatsbrief", "Eine E-Mail im Monat über eine Farm, eine Röstung und ein Rezept."),
    "pt_BR": ("Carta mensal", "Um e-mail por mês sobre uma fazenda, uma torra e uma receita."),
    "ar": ("رسالة الشهر", "رسالة بريد إلكتروني واحدة في الشهر عن مزرعة ومحمصة ووصفة."),
}
TASTINGS = {"en": ("Tasting evenings", "Invitations to tastings at the harbour. Not offered yet.")}
SUMMER = {"en": ("Summer market 2025", "Where our stand was last summer.")}

SMS_FORM = {
    "en": FormText(
        "Fresh offers by text",
        "",
        "By signing up you agree to get recurring marketing texts from Harbour Coffee at this number, sent by "
        "automated means, up to 4 a month. Consent is **not** a condition of purchase. Message and data rates may "
        f"apply. Reply **HELP** for help, **STOP** to end. [Privacy policy]({PRIVACY}) and [terms]({TERMS}).",
        "Welcome aboard! Your first offer comes with our next text.",
    ),
    "es": FormText(
        "Nuevas ofertas por SMS",
        "Suscribirme",
        "Al suscribirte aceptas recibir en este número mensajes publicitarios periódicos y automatizados de Harbour "
        "Coffee, hasta 4 al mes. El consentimiento **no** es condición de compra. Pueden aplicarse tarifas de mensajes "
        f"y datos. Responde **HELP** para ayuda, **STOP** para terminar. [Privacidad]({PRIVACY}) y "
        f"[condiciones]({TERMS}).",
        "¡Bienvenido a bordo! La primera oferta llega con nuestro próximo mensaje.",
    ),
    "fr": FormText(
        "Nos offres par SMS",
        "Je m’inscris",
        "En vous inscrivant, vous acceptez de recevoir à ce numéro des SMS publicitaires réguliers et automatisés de "
        "Harbour Coffee, au plus 4 par mois. Le consentement n’est **pas** une condition d’achat. Les tarifs de votre "
        f"opérateur s’appliquent. Répondez **HELP** pour de l’aide, **STOP** pour arrêter. [Confidentialité]({PRIVACY})"
        f" et [conditions]({TERMS}).",
        "Bienvenue à bord ! La première offre arrive avec notre prochain SMS.",
    ),
    "de": FormText(
        "Frische Angebote per SMS",
        "Jetzt anmelden",
        "Mit der Anmeldung willigen Sie ein, unter dieser Nummer regelmäßig automatisch versandte Werbe-SMS von "
        "Harbour Coffee zu erhalten, höchstens 4 im Monat. Die Einwilligung ist **keine** Bedingung für einen Kauf. Es "
        f"gelten die Preise Ihres Anbieters. Antworten Sie mit **HELP** für Hilfe, mit **STOP** zum Beenden. "
        f"[Datenschutz]({PRIVACY}) und [Bedingungen]({TERMS}).",
        "Willkommen an Bord! Das erste Angebot kommt mit unserer nächsten SMS.",
    ),
    "pt_BR": FormText(
        "Novas ofertas por SMS",
        "Quero receber",
        "Ao se inscrever, você concorda em receber neste número mensagens publicitárias recorrentes e automatizadas da "
        "Harbour Coffee, até 4 por mês. O consentimento **não** é condição de compra. Podem ser cobradas tarifas de "
        f"mensagens e dados. Responda **HELP** para ajuda, **STOP** para sair. [Privacidade]({PRIVACY}) e "
        f"[termos]({TERMS}).",
        "Boas-vindas a bordo! A primeira oferta vem na próxima mensagem.",
    ),
    "ar": FormText(
        "عروض جديدة برسائل نصية",
        "اشترك الآن",
        "باشتراكك توافق على تلقي رسائل تسويقية متكررة ومؤتمتة من Harbour Coffee على هذا الرقم، بحد أقصى 4 رسائل في "
        "الشهر. الموافقة **ليست** شرطًا للشراء. قد تُطبَّق رسوم الرسائل والبيانات. أرسل **HELP** للمساعدة و**STOP** "
        f"لإيقاف الرسائل. [سياسة الخصوصية]({PRIVACY}) و[الشروط]({TERMS}).",
        "أهلًا بك! يصلك أول عرض مع رسالتنا القادمة.",
    ),
}
# Name and text of saved replies, and whether the form for offers is sent after it.
SAVED_REPLIES = (
    (
        "Invite to texts",
        "Hello {name|there}, shall we text you our offers? Sign up here, it takes seconds.",
        True,
    ),
    ("Opening hours", "We are open from Tuesday to Sunday, 8 to 18, at the harbour and in the shop.", False),
    ("Parcel on its way", "Your parcel left the roaster. It is with you within two working days.", False),
)
EMAIL_FORM = {
    "en": FormText(
        "One good letter a month",
        "Send me the letter",
        "We write once a month and never pass on your address. Each letter has a link that ends it. "
        f"[Privacy policy]({PRIVACY}).",
        "Thank you! The next letter is yours.",
    ),
    "de": FormText(
        "Ein guter Brief im Monat",
        "Brief bestellen",
        "Wir schreiben einmal im Monat und geben Ihre Adresse nie weiter. Jeder Brief enthält einen Abmeldelink. "
        f"[Datenschutz]({PRIVACY}).",
        "Danke! Der nächste Brief kommt zu Ihnen.",
    ),
}
WORKSPACE = {
    "name": "Harbour Coffee",
    "time_zone": "Europe/London",
    "privacy_url": PRIVACY,
    "terms_url": TERMS,
    "help_contact": "help@harbour-coffee.example.com",
    "controller_name": "Harbour Coffee Ltd",
    "controller_address": "1 Quay Street\nBristol BS1 4RN\nUnited Kingdom",
    "controller_contact": "privacy@harbour-coffee.example.com",
    "jurisdiction": "United Kingdom",
    "storage_location": "United Kingdom",
    "recipients": ["Sea Breeze Messaging Ltd, which delivers our texts"],
}
CAMPAIGN_NAME = "Guatemala, fresh from the roaster"
CAMPAIGN_BODY = (
    "Harbour Coffee: Hi {{ first_name | there }}, our new Guatemala roast is in, 15 percent off until Sunday:"
    " https://shop.example.com/guatemala"
)
OUTBOUND_NAME = "Ask regulars who never signed up"
OUTBOUND_BODY = (
    "Hi {{ first_name | there }}, good to see you again. We text our offers once or twice a month. Would you like them?"
)
DRAFT_NAME = "Tasting in December"
DRAFT_BODY = "Hi {{ first_name | there }}, eight seats for the tasting on the 12th: https://shop.example.com/tasting"
